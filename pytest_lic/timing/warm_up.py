"""Warm-up: rounds that are not counted, until the times have settled or patience has run out.

First rounds are slow for reasons of their own: kernels are chosen and compiled, memory is asked
for, clocks rise. How long that lasts differs, so the times themselves say when it is over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Patience:
    """When times count as settled, and when to stop waiting for it.

    Args:
        window: rounds whose medians are compared, the last ones with those before.
        tolerance: how far the two medians may differ, as a share of the earlier one.
        rounds: stop after so many.
        seconds: stop when the rounds have taken so long, two windows at least.
    """

    window: int = 3
    tolerance: float = 0.05
    rounds: int = 50
    seconds: float = 3.0


@dataclass(frozen=True)
class WarmUp:
    """How a warm-up went: its rounds, whether the times settled, and the last window's median."""

    rounds: int
    settled: bool
    seconds: float


PATIENCE = Patience()


def warm_up(take: Callable[[], float], patience: Patience = PATIENCE) -> WarmUp:
    """Take rounds until the medians of two successive windows agree.

    Args:
        take: does one round and returns its seconds.
        patience: what counts as settled, and when to give up.
    """
    times: list[float] = []
    while True:
        times.append(take())
        if len(times) < 2 * patience.window:
            continue
        before = median(times[-2 * patience.window : -patience.window])
        last = median(times[-patience.window :])
        settled = abs(last - before) <= patience.tolerance * before
        if settled or len(times) >= patience.rounds or sum(times) >= patience.seconds:
            return WarmUp(len(times), settled, last)
