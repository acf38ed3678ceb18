"""The outcomes of decoding a damaged bitstream, and which of them are failures.

An error of `pytest_lic.errors`, or an image: of the size that its header tells, where the bitstream
is a container of pytest-lic.
"""

from __future__ import annotations

import math
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from pytest_lic.container import is_container, unpack
from pytest_lic.errors import BitstreamError, LicError, is_crash

if TYPE_CHECKING:
    from pytest_lic.codec import Codec


class Outcome(Enum):
    """What came of a damaged bitstream; all but the first three are failures."""

    REFUSED = "refused"
    """A `BitstreamError`."""
    CODEC_ERROR = "codec error"
    """Another error of pytest-lic's, such as a network that failed on what was decoded."""
    IMAGE = "an image"
    WRONG_IMAGE = "a wrong image"
    """Another size than the header tells, another type, or values outside [0, 1]."""
    UNTYPED_ERROR = "an untyped error"
    OVER_ALLOCATED = "over 2 GiB asked for"
    LEAKED = "memory kept from one bitstream to the next"
    HUNG = "hung"
    CRASHED = "crashed"

    @property
    def fails(self) -> bool:
        """Whether no decoder may do that."""
        return self not in (Outcome.REFUSED, Outcome.CODEC_ERROR, Outcome.IMAGE)


@dataclass(frozen=True)
class Failure:
    """One bitstream that a decoder did what it may not with."""

    number: int
    outcome: Outcome
    ways: str
    words: str
    bitstream: bytes


@dataclass
class Tally:
    """How many bitstreams came to what, which came to no good, and how many were ``untried``."""

    counts: Counter[Outcome] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)
    untried: int = 0

    def add(self, other: Tally) -> None:
        """Count another's with this one's."""
        self.counts.update(other.counts)
        self.failures.extend(other.failures)

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        tally: dict[str, Any] = msgspec.to_builtins(self)
        return tally

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Tally:
        """What `to_json` gave."""
        counts = msgspec.convert(stored["counts"], dict[Outcome, int])
        return cls(Counter(counts), msgspec.convert(stored["failures"], list[Failure]))


def outcome_of(codec: Codec, bitstream: bytes) -> tuple[Outcome, str]:
    """What a decoder makes of one bitstream that may be damaged, and in which words."""
    try:
        decoded = codec.decode([bitstream])
    except BaseException as error:
        if not is_crash(error):
            raise
        words = f"{type(error).__name__}: {error}"
        if _refused_memory(error):
            return Outcome.OVER_ALLOCATED, words
        if isinstance(error, BitstreamError):
            return Outcome.REFUSED, words
        return (
            Outcome.CODEC_ERROR if isinstance(error, LicError) else Outcome.UNTYPED_ERROR
        ), words
    wrong = _wrong(decoded, bitstream)
    return (Outcome.IMAGE, "") if wrong is None else (Outcome.WRONG_IMAGE, wrong)


def _wrong(decoded: Any, bitstream: bytes) -> str | None:
    import torch

    if not isinstance(decoded, torch.Tensor):
        return f"{type(decoded).__name__}; expected a float32 tensor"
    shape = tuple(decoded.shape)
    if decoded.dtype != torch.float32 or len(shape) != 4 or shape[:2] != (1, 3):
        return f"{decoded.dtype} of shape {shape}; expected torch.float32 of (1, 3, H, W)"
    if is_container(bitstream):
        header = unpack(bitstream)
        if shape[2:] != (header.height, header.width):
            size = f"{header.width}×{header.height}"
            return f"an image of {shape[3]}×{shape[2]}; its header tells {size}"
    # Without a tensor more, which would count as the decoder's.
    low, high = (float(end) for end in torch.aminmax(decoded))
    if not math.isfinite(low + high):
        return "values that are not finite"
    return None if low >= 0 and high <= 1 else f"values from {low:g} to {high:g}"


def _refused_memory(error: BaseException | None) -> bool:
    """Whether memory that was not to be had is behind an error."""
    while error is not None:
        text = str(error)
        if isinstance(error, MemoryError) or "allocate memory" in text or "bad_alloc" in text:
            return True
        error = error.__cause__ or error.__context__
    return False


def keep(family: str, quality: str, failure: Failure) -> Path:
    """Write a bitstream to where it can be decoded again from."""
    folder = Path(tempfile.gettempdir()) / "pytest-lic-hostile"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{family}-q{quality}-{failure.number}.bin"
    path.write_bytes(failure.bitstream)
    return path
