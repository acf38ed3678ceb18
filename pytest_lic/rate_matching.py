"""Rate matching: for each image the level at which its bitstream comes nearest to a rate.

Rates are those of real bitstreams, header included. They nearly always rise with the level, but
nothing here takes that for granted: what is returned is the best that was tried.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING

from pytest_lic.codec import SupportsRateControl
from pytest_lic.errors import CodecError, UsageError

if TYPE_CHECKING:
    from torch import Tensor

TOLERANCE = 0.01
"""The share of a target by which a rate that meets it may be off."""
_PROBES = 8  # parts of the range that are tried where the rate does not rise throughout


_LABEL = "bpp"


def quality_at(bpp: float) -> str:
    """What the quality of a cell at a target rate is called, such as ``bpp0.25``."""
    return f"{_LABEL}{bpp:g}"


def target_of(quality: str) -> float | None:
    """The target rate in bpp that a quality stands for, if it stands for one."""
    if not quality.startswith(_LABEL):
        return None
    try:
        bpp = float(quality.removeprefix(_LABEL))
    except ValueError:
        return None
    return bpp if 0 < bpp < math.inf else None


class Reach(StrEnum):
    """How a rate stands to its target."""

    WITHIN = "within 1 %"
    NEAREST = "nearest reachable"
    BELOW_RANGE = "target below the lowest rate"
    ABOVE_RANGE = "target above the highest rate"


@dataclass(frozen=True)
class Matched:
    """An image coded as near to a rate as its codec can.

    Args:
        bitstream: it, complete.
        level: at which it was coded.
        bpp: bits of the whole bitstream for each pixel of the image.
        target: the rate asked for, likewise.
        reach: how the two stand to each other; ``NEAREST`` lies beside a gap between two levels
            that are next to each other.
        encodings: how many it took.
    """

    bitstream: bytes
    level: float
    bpp: float
    target: float
    reach: Reach
    encodings: int


def encode_at(
    codec: SupportsRateControl, images: Tensor, *, bpp: float, strict: bool = False
) -> list[Matched]:
    """Code each image of a batch (B, 3, H, W) at the level that brings it nearest to a rate.

    Each image has a level of its own. About five encodings find one: the middle of the range, one
    end of it, then levels interpolated in the logarithm of the rate until one is within 1 %.

    Args:
        codec: has rate control.
        images: the batch.
        bpp: the rate, in bits of the bitstream for each pixel of an image.
        strict: refuse a rate that is not met within 1 %.

    Raises:
        CodecError: the codec gave anything but one ``bytes`` for an image.
        UsageError: a rate that is not positive, or with ``strict`` one that is not met: the error
            names the rates that can be.
    """
    check_target(bpp, "encode_at")
    matched = []
    for number, image in enumerate(images):
        search = _Search(codec, image[None], bpp)
        found = search.best()
        if strict and found.reach is not Reach.WITHIN:
            raise UsageError(f"image {number} can't be coded at {bpp:g} bpp: {search.reachable()}")
        matched.append(found)
    return matched


def check_target(bpp: object, where: str) -> float:
    """``bpp`` itself, if it is a rate.

    Raises:
        UsageError: naming ``where`` it stands.
    """
    if isinstance(bpp, bool) or not isinstance(bpp, int | float) or not 0 < bpp < math.inf:
        raise UsageError(f"{where}: {bpp!r} bpp; expected a positive number of bits per pixel")
    return bpp


class _Search:
    """The search for one image's level.

    Args:
        codec: codes it.
        image: (1, 3, H, W).
        target: in bpp.
    """

    def __init__(self, codec: SupportsRateControl, image: Tensor, target: float) -> None:
        self._codec = codec
        self._image = image
        self._target = target
        self._levels = codec.levels
        self._pixels: int = image.shape[-2] * image.shape[-1]
        self._tried: dict[int, bytes] = {}

    def best(self) -> Matched:
        """What comes nearest of all that was tried, once nothing nearer is to be found."""
        reach = self._searched()
        index = min(self._tried, key=lambda tried: (self._off(tried), tried))
        return Matched(
            self._tried[index],
            self._levels.at(index),
            self._bpp(index),
            self._target,
            reach,
            len(self._tried),
        )

    def reachable(self) -> str:
        """Why the target is not met, and which rates are, in words."""
        rates = {index: self._bpp(index) for index in sorted(self._tried)}
        low, high = min(rates.values()), max(rates.values())
        if not low < self._target <= high:
            ends = (0, self._levels.last)
            low, high = min(low, *map(self._bpp, ends)), max(high, *map(self._bpp, ends))
            return f"levels {self._levels} reach {low:.4g} to {high:.4g} bpp"
        below = max(
            (index for index in rates if rates[index] < self._target), key=rates.__getitem__
        )
        above = min(
            (index for index in rates if rates[index] >= self._target), key=rates.__getitem__
        )
        return (
            f"nearest are {rates[below]:.4g} bpp at level {self._levels.at(below):g} and "
            f"{rates[above]:.4g} bpp at level {self._levels.at(above):g}"
        )

    def _searched(self) -> Reach:
        """Try levels until one is within the tolerance, or two beside each other enclose it."""
        last = self._levels.last
        middle = last // 2
        end = last if self._is_below(middle) else 0
        if self._is_met(middle) or self._is_met(end):
            return Reach.WITHIN
        bracket = self._enclosing([middle, end])
        if bracket is None and not self._rises(middle, end):  # then ends may be no extremes
            bracket = self._enclosing([last * part // _PROBES for part in range(_PROBES + 1)])
        if bracket is None:
            if any(map(self._is_met, self._tried)):
                return Reach.WITHIN
            return Reach.ABOVE_RANGE if self._is_below(end) else Reach.BELOW_RANGE
        return self._narrowed(*bracket)

    def _narrowed(self, below: int, above: int) -> Reach:
        """Narrow two levels whose rates enclose the target, whichever of them is the higher."""
        halve = False
        while not any(map(self._is_met, self._tried)):
            width = abs(above - below)
            if width == 1:
                return Reach.NEAREST
            between = (below + above) // 2 if halve else self._interpolated(below, above)
            if self._is_below(between):
                below = between
            else:
                above = between
            # Interpolation may creep along one side: then the next step halves what is left.
            halve = not halve and abs(above - below) > width // 2
        return Reach.WITHIN

    def _interpolated(self, below: int, above: int) -> int:
        """The level strictly between two where the rate's logarithm would meet the target.

        Along the parabola through a third rate, the nearest to the target that was tried, or else
        along the straight line.
        """
        rates = {index: math.log(self._bpp(index) / self._target) for index in self._tried}
        low, high = sorted((below, above))
        others = (index for index in rates if rates[index] not in (rates[below], rates[above]))
        third = min(others, key=lambda index: abs(rates[index]), default=None)
        known = [below, above] if third is None else [below, above, third]
        met = round(_at_zero([rates[index] for index in known], known))
        if not low < met < high:
            met = round(_at_zero([rates[below], rates[above]], [below, above]))
        return min(max(met, low + 1), high - 1)

    def _enclosing(self, indices: Sequence[int]) -> tuple[int, int] | None:
        """Two levels next to each other among these, one below the target and one not."""
        ordered = sorted(indices)
        for one, other in pairwise(ordered):
            if self._is_below(one) != self._is_below(other):
                return (one, other) if self._is_below(one) else (other, one)
        return None

    def _rises(self, one: int, other: int) -> bool:
        """Whether the higher of two levels takes more bytes."""
        low, high = sorted((one, other))
        return self._bpp(low) < self._bpp(high)

    def _is_below(self, index: int) -> bool:
        return self._bpp(index) < self._target

    def _is_met(self, index: int) -> bool:
        return self._off(index) <= TOLERANCE

    def _off(self, index: int) -> float:
        """By which share of the target a level's rate is off."""
        return abs(self._bpp(index) / self._target - 1)

    def _bpp(self, index: int) -> float:
        if index not in self._tried:
            level = self._levels.at(index)
            bitstreams = self._codec.encode(self._image.clone(), level=level)
            if [type(stream) for stream in bitstreams] != [bytes] or not bitstreams[0]:
                raise CodecError(
                    f"encoder at level {level:g} returned {_described(bitstreams)} for one image; "
                    "expected a list with one bytes object, whose length is the rate"
                )
            self._tried[index] = bitstreams[0]
        return 8 * len(self._tried[index]) / self._pixels


def _at_zero(xs: Sequence[float], ys: Sequence[float]) -> float:
    """The value at 0 of the polynomial through these points, no two at the same place."""
    return sum(
        y * math.prod(other / (other - x) for other in xs if other != x)
        for x, y in zip(xs, ys, strict=True)
    )


def _described(bitstreams: Sequence[object]) -> str:
    kinds = ", ".join(type(stream).__name__ for stream in bitstreams)
    return f"{len(bitstreams)} bitstreams ({kinds})"
