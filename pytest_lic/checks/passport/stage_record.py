"""What a pack keeps of one stage of a decoder, and the first place where another machine's differs.

Whole numbers, latents and small tensors are kept whole. Of a large tensor of floating-point numbers
each block of 256 has its digest and its first value, so that a difference is found to the block,
and its size is told by those first values.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from msgspec import Meta

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

PIXELS, LATENTS = "pixels", "latents"
_BLOCK = 256
_DIGEST = 8  # bytes
_WHOLE = 2**18  # bytes of a floating-point tensor
_KINDS = ("|u1", "<i4", "<i8", "<f2", "<f4", "<f8")
_MOST = 2**28  # values
_AXES = ("channel", "row", "column")
_PIXEL_AXES = ("row", "column", "channel")

Member = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")]
"""The name of a file in a pack, which has no folders."""
Side = Annotated[int, Meta(ge=0, le=_MOST)]


@dataclass(frozen=True)
class StageRecord:
    """One stage of decoding one image.

    Args:
        stage: its name.
        shape: of its tensor.
        kind: of its values, as numpy writes it, little-endian.
        digest: of the values' bytes.
        mean: of the values, like ``deviation``, ``least`` and ``most``; None if not finite.
        deviation: their standard deviation.
        least: the smallest.
        most: the largest.
        whole: whether all values are kept; else those of each block.
        member: the file in the pack that keeps them.
    """

    stage: Annotated[str, Meta(max_length=100)]
    shape: tuple[Side, ...]
    kind: str
    digest: str
    mean: float | None
    deviation: float | None
    least: float | None
    most: float | None
    whole: bool
    member: Member

    def __post_init__(self) -> None:
        if self.kind not in _KINDS:
            raise ValueError(
                f"stage {self.stage!r} is of kind {self.kind!r}; expected one of "
                f"{', '.join(_KINDS)}"
            )
        if math.prod(self.shape) > _MOST:
            raise ValueError(f"stage {self.stage!r} has {math.prod(self.shape)} values")

    @property
    def discrete(self) -> bool:
        """Whether its values are whole numbers, which no rounding explains."""
        return not self.kind.startswith("<f")


def as_array(tensor: Tensor) -> NDArray[Any]:
    """The values of a tensor in a kind that a pack can hold; bfloat16 becomes float32."""
    import torch

    plain = tensor.detach().cpu()
    if not plain.is_floating_point():
        plain = plain.to(torch.int64)
    elif plain.dtype == torch.bfloat16:
        plain = plain.float()
    values: NDArray[Any] = plain.numpy()
    return values


def recorded(stage: str, values: NDArray[Any], member: str) -> tuple[StageRecord, bytes]:
    """What is kept of a stage: its record, and the content of its member."""
    plain = _canonical(values)
    whole = plain.dtype.kind != "f" or stage == LATENTS or plain.nbytes <= _WHOLE
    some = plain.astype(np.float64) if plain.size else np.zeros(1)
    with np.errstate(all="ignore"):
        moments = [float(each) for each in (some.mean(), some.std(), some.min(), some.max())]
    mean, deviation, least, most = (each if math.isfinite(each) else None for each in moments)
    content = plain.tobytes() if whole else _blocks(plain)
    record = StageRecord(
        stage, plain.shape, plain.dtype.str, _digest(plain), mean, deviation, least, most, whole,
        member,
    )  # fmt: skip
    return record, content


def kept_values(record: StageRecord, content: bytes) -> NDArray[Any]:
    """The values of a stage that is kept whole.

    Raises:
        ValueError: the content is not that of the record.
    """
    kind = np.dtype(record.kind)
    expected = math.prod(record.shape) * kind.itemsize
    if len(content) != expected:
        raise ValueError(f"{record.member} holds {len(content)} bytes; expected {expected}")
    values = np.frombuffer(content, kind).reshape(record.shape)
    if _digest(values) != record.digest:
        raise ValueError(f"{record.member} is not what its digest says")
    return values


def difference(record: StageRecord, content: bytes, here: NDArray[Any]) -> str | None:
    """Where and by how much a stage differs here from what a pack has of it; None if nowhere.

    Raises:
        ValueError: the content is not that of the record.
    """
    values = _canonical(here)
    there = kept_values(record, content) if record.whole else None
    if values.shape != record.shape:
        return f"of shape {values.shape} here, {record.shape} there"
    if _digest(values) == record.digest and values.dtype.str == record.kind:
        return None
    if there is not None:
        axes = _PIXEL_AXES if record.stage == PIXELS else _AXES
        return _of_values(there, values, axes)
    if values.dtype.str != record.kind:
        return f"of kind {values.dtype.str} here, {record.kind} there"
    return _of_blocks(record, content, values)


def _of_values(there: NDArray[Any], here: NDArray[Any], axes: tuple[str, ...]) -> str:
    wrong = (there != here) & ~((there != there) & (here != here))
    if not wrong.any():
        return "differs in the signs of zeros or the bits of NaN alone"
    with np.errstate(all="ignore"):
        apart = np.abs(there.astype(np.float64) - here.astype(np.float64))
    place = tuple(int(i) for i in np.argwhere(wrong)[0])
    return (
        f"{int(wrong.sum())} of {wrong.size} values differ, by up to "
        f"{float(apart[wrong].max()):.3g}, first at {_named(place, axes)}: "
        f"{there[place]:.9g} there, {here[place]:.9g} here"
    )


def _of_blocks(record: StageRecord, content: bytes, here: NDArray[Any]) -> str:
    one, other = np.frombuffer(content, _ROW), np.frombuffer(_blocks(here), _ROW)
    if len(one) != len(other):
        raise ValueError(f"{record.member} holds {len(one)} blocks; expected {len(other)}")
    wrong = np.flatnonzero((one["digest"] != other["digest"]).any(axis=1))
    if not wrong.size:
        raise ValueError(f"{record.member} is not what its digest says")
    with np.errstate(all="ignore"):
        apart = np.abs(one["value"] - other["value"])
    first = int(wrong[0]) * _BLOCK
    last = min(first + _BLOCK, here.size) - 1
    start, end = (tuple(map(int, np.unravel_index(i, here.shape))) for i in (first, last))
    return (
        f"{wrong.size} of {len(one)} blocks of {_BLOCK} values differ, by up to "
        f"{float(apart[wrong].max()):.3g} at their first values, first between {_named(start)} and "
        f"{_named(end)}"
    )


_ROW = np.dtype([("digest", "u1", (_DIGEST,)), ("value", "<f8")])


def _blocks(values: NDArray[Any]) -> bytes:
    flat = values.reshape(-1)
    rows = np.zeros(-(-flat.size // _BLOCK), _ROW)
    for row, start in enumerate(range(0, flat.size, _BLOCK)):
        block = flat[start : start + _BLOCK]
        digest = hashlib.sha256(block.tobytes()).digest()[:_DIGEST]
        rows[row] = (np.frombuffer(digest, np.uint8), float(block[0]))
    return rows.tobytes()


def _canonical(values: NDArray[Any]) -> NDArray[Any]:
    """In C's order, little-endian; signed whole numbers as int32 where they fit."""
    kind = values.dtype
    if kind.kind in "iub" and kind != np.uint8:
        fits = not values.size or (values.min() >= -(2**31) and values.max() < 2**31)
        kind = np.dtype("<i4" if fits else "<i8")
    return np.ascontiguousarray(values, kind.newbyteorder("<"))


def _digest(values: NDArray[Any]) -> str:
    return hashlib.sha256(values.tobytes()).hexdigest()


def _named(place: tuple[int, ...], axes: tuple[str, ...] = _AXES) -> str:
    """Such as ``channel 3, row 0, column 7``; a batch axis of one image is left out."""
    if len(place) == len(axes) + 1:
        place = place[1:]
    if len(place) == len(axes):
        return ", ".join(f"{axis} {i}" for axis, i in zip(axes, place, strict=True))
    return f"place {', '.join(map(str, place))}"
