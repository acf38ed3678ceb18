"""Paired times of two sides → ratio HEAD/BASE, its interval, and a verdict that noise can't fake.

    turn      one side codes a batch a few times; the least counts, as interruptions only add
    quartet   four turns, BASE HEAD HEAD BASE or the reverse: drift hits both sides alike
    build     the quartets of one pair of codecs, built anew
    start     the builds of one pair of fresh processes. Of the quartets of each image batch the
              mean of the middle half counts; the mean over the batches is one value, so that what
              is slower on one batch alone counts too

Two codecs that run the same code differ by a percent or two for as long as they live: it hangs on
where their memory happens to lie. (Rebuilt six times in each of eight pairs of processes, equal
encoders scattered by 1.7 % from build to build, and the processes' means by the 0.7 % that follow
from that.) The quartets of a build are therefore not independent, and whether the builds of a
process are is not taken for granted: intervals are Student's over the starts.

A comparison is looked at several times, to stop where the answer is clear. Each look spends a share
of the error that is allowed in all, 1/2, 1/6, 1/12, …, the last one, when the time is up, all that
is left; and each share is divided between the comparisons of the run (Bonferroni on both counts).
So all of a run's verdicts together raise a false alarm in at most 5 % of runs.
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


def is_clear(found: Estimate, threshold: float) -> bool:
    """Whether more starts could not change what the run makes of it."""
    if found.corrected is None or found.verdict is Speed.UNDECIDED:
        return False
    # Slower, and not yet known whether by enough to fail.
    return not (
        found.verdict is Speed.SLOWER and found.ratio < 1 + threshold < found.corrected.high
    )


def _middle_half(values: Sequence[float]) -> float:
    """The mean without the lowest and the highest quarter; of three, the one in the middle.

    As robust here as the median, and more precise: on a machine whose other core was busy, starts
    scattered by 0.8 % with it, by 1.0 % with the median and by 2.1 % with the mean of all.
    """
    ordered = sorted(values)
    cut = len(ordered) // 4 if len(ordered) != 3 else 1
    return fmean(ordered[cut : len(ordered) - cut])


def is_settled(values: Sequence[float], *, comparisons: int, threshold: float) -> bool:
    """Whether a comparison is looked at after these starts, and then need not go on."""
    if not is_look(len(values)):
        return False
    found = estimate(values, comparisons=comparisons, threshold=threshold)
    return is_clear(found, threshold)


def _looks(starts: int) -> list[int]:
    """The looks up to ``starts``: 5, 7, 10, 13, 17, …"""
    found = []
    look = FIRST_LOOK
    while look <= starts:
        found.append(look)
        look = math.ceil(look * _GROWTH)
    return found


def _student(level: float, freedom: int) -> float:
    """Student's t that is exceeded in absolute value with probability ``level``."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 1 - level / 2))


def _interval(centre: float, half_width: float) -> Interval:
    return Interval(math.exp(centre - half_width), math.exp(centre + half_width))
