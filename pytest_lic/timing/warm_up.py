"""Warm-up: rounds that are not counted, until the times have settled or patience has run out.

First rounds are slow for reasons of their own: kernels are chosen and compiled, memory is asked
for, clocks rise. How long that lasts differs, so the times themselves say when it is over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

_WINDOW = 3  # rounds whose medians are compared, the last ones with those before
_TOLERANCE = 0.05  # how far the two may differ, as a share of the earlier one
_MOST_ROUNDS = 50
_MOST_SECONDS = 3.0  # of all rounds together; two windows are always taken


@dataclass(frozen=True)
class WarmUp:
    """How a warm-up went: its rounds, whether the times settled, and the last window's median."""

    rounds: int
    settled: bool
    seconds: float


def warm_up(take: Callable[[], float]) -> WarmUp:
    """Take rounds until the medians of two successive windows agree.

    Args:
        take: does one round and returns its seconds.
    """
    times: list[float] = []
    while True:
        times.append(take())
        if len(times) < 2 * _WINDOW:
            continue
        before, last = median(times[-2 * _WINDOW : -_WINDOW]), median(times[-_WINDOW:])
        settled = abs(last - before) <= _TOLERANCE * before
        if settled or len(times) >= _MOST_ROUNDS or sum(times) >= _MOST_SECONDS:
            return WarmUp(len(times), settled, last)
