"""A warm-up ends when the times have settled, or says that they had not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, count, cycle, repeat

from pytest_lic.timing.warm_up import WarmUp, warm_up


def warmed(milliseconds: Iterable[float]) -> WarmUp:
    rounds: Iterator[float] = iter(milliseconds)
    return warm_up(lambda: next(rounds) / 1000)


def test_steady_times_have_settled_after_two_windows() -> None:
    assert warmed(repeat(1.0)) == WarmUp(6, True, 0.001)


def test_slow_first_rounds_are_waited_out() -> None:
    # Windows of 6: 9 8 7 | 6 5 4, …, 2 1 1 | 1 1 1 are the first whose medians agree.
    warm = warmed(chain([9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0], repeat(1.0)))
    assert warm == WarmUp(13, True, 0.001)


def test_one_round_that_is_held_up_is_no_unrest() -> None:
    assert warmed(chain([1.0, 1.0, 7.0, 1.0], repeat(1.0))) == WarmUp(6, True, 0.001)


def test_times_that_keep_growing_are_told_to_be_unsettled() -> None:
    warm = warmed(1.1**power for power in count())
    assert (warm.rounds, warm.settled) == (50, False)


def test_times_that_jump_about_are_told_to_be_unsettled() -> None:
    # As long slow as quick, a window each: of two windows one always holds more slow rounds.
    warm = warmed(cycle([1.0, 1.0, 1.0, 2.0, 2.0, 2.0]))
    assert (warm.rounds, warm.settled) == (50, False)


def test_slow_rounds_are_not_repeated_for_ever() -> None:
    warm = warmed(1000.0 * 1.5**power for power in count())
    assert (warm.rounds, warm.settled) == (6, False), "two windows, so that there is a verdict"
