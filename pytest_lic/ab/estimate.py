"""The ratio of two sides' times, its interval, and a verdict that noise can't fake.

docs/explanations/paired-times.md says what a turn, a quartet and a start are, why intervals are
taken over starts, and how the error that is allowed is shared between looks and comparisons.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean, stdev

ERROR = 0.05
"""The probability that any verdict of a run names a difference where there is none."""
FIRST_LOOK = 5
"""Starts before the first look."""
FEWEST = 3
"""Starts without which nothing is said."""
_GROWTH = 1.3  # starts from one look to the next


class Speed(StrEnum):
    """The verdict on one direction of one cell."""

    FASTER = "faster"
    SLOWER = "slower"
    NO_DIFFERENCE = "no difference seen"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Interval:
    """Bounds of a ratio HEAD/BASE."""

    low: float
    high: float


@dataclass(frozen=True)
class Estimate:
    """What the starts so far say of one direction of one cell.

    ``ratio`` is HEAD's time over BASE's; ``interval`` its 95 % confidence interval taken alone,
    ``corrected`` the one for all looks and comparisons of the run together, which the verdict goes
    by. Both are None before `FEWEST` starts.
    """

    ratio: float
    interval: Interval | None
    corrected: Interval | None
    starts: int
    verdict: Speed

    @property
    def seen_from(self) -> float | None:
        """The smallest ratio that would have been called slower, had it been the estimate."""
        return None if self.corrected is None else self.ratio / self.corrected.low


def quartet(base: tuple[float, float], head: tuple[float, float]) -> float:
    """Log of HEAD/BASE from the times of two turns each, all of the same work."""
    return (sum(map(math.log, head)) - sum(map(math.log, base))) / 2


def value(batches: Sequence[Sequence[float]]) -> float:
    """What one start says, from the quartets of each of its image batches."""
    return fmean(_middle_half(quartets) for quartets in batches)


def is_look(starts: int) -> bool:
    """Whether a comparison is looked at after that many starts."""
    return starts in _looks(starts)


def estimate(
    values: Sequence[float], *, comparisons: int, threshold: float, last: bool = False
) -> Estimate:
    """The estimate and verdict after as many starts as there are values.

    Args:
        values: of each start, see `value`.
        comparisons: how many are made in the run: directions times cells.
        threshold: the slowdown that matters, such as 0.03; no difference is said to be seen only
            where the interval excludes one of that size, to either side.
        last: no start will follow, whatever this says: for want of time, not because of the values.
    """
    starts = len(values)
    centre = fmean(values)
    ratio = math.exp(centre)
    if starts < FEWEST:
        return Estimate(ratio, None, None, starts, Speed.UNDECIDED)
    before = len(_looks(starts - 1))
    share = ERROR / (before + 1) / (1 if last else before + 2) / comparisons
    error = stdev(values) / math.sqrt(starts)
    alone, all_together = (error * _student(level, starts - 1) for level in (ERROR, share))
    margin = math.log1p(threshold)
    low, high = centre - all_together, centre + all_together
    if low > 0:
        verdict = Speed.SLOWER
    elif high < 0:
        verdict = Speed.FASTER
    elif max(-low, high) < margin:
        verdict = Speed.NO_DIFFERENCE
    else:
        verdict = Speed.UNDECIDED
    return Estimate(
        ratio, _interval(centre, alone), _interval(centre, all_together), starts, verdict
    )


def is_clear(so_far: Estimate, threshold: float) -> bool:
    """Whether more starts could not change what the run makes of it."""
    if so_far.corrected is None or so_far.verdict is Speed.UNDECIDED:
        return False
    # Slower, and not yet known whether by enough to fail.
    return not (
        so_far.verdict is Speed.SLOWER and so_far.ratio < 1 + threshold < so_far.corrected.high
    )


def _middle_half(values: Sequence[float]) -> float:
    """The mean without the lowest and the highest quarter; of three, the one in the middle."""
    ordered = sorted(values)
    cut = len(ordered) // 4 if len(ordered) != 3 else 1
    return fmean(ordered[cut : len(ordered) - cut])


def is_settled(values: Sequence[float], *, comparisons: int, threshold: float) -> bool:
    """Whether a comparison is looked at after these starts, and then need not go on."""
    if not is_look(len(values)):
        return False
    so_far = estimate(values, comparisons=comparisons, threshold=threshold)
    return is_clear(so_far, threshold)


def _looks(starts: int) -> list[int]:
    """The looks up to ``starts``: 5, 7, 10, 13, 17, …"""
    looks = []
    look = FIRST_LOOK
    while look <= starts:
        looks.append(look)
        look = math.ceil(look * _GROWTH)
    return looks


def _student(level: float, freedom: int) -> float:
    """Student's t that is exceeded in absolute value with probability ``level``."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 1 - level / 2))


def _interval(centre: float, half_width: float) -> Interval:
    return Interval(math.exp(centre - half_width), math.exp(centre + half_width))
