"""The verdict on two sides' times: drift cancels, noise raises no alarm, slowdowns are found."""

from __future__ import annotations

import math
from statistics import stdev

import numpy as np
import pytest
from scipy.special import stdtrit

from pytest_lic.ab.estimate import (
    ERROR,
    FEWEST,
    FIRST_LOOK,
    Speed,
    estimate,
    is_clear,
    is_look,
    is_settled,
    quartet,
    value,
)

THRESHOLD = 0.03


def judged(values: list[float], comparisons: int = 2) -> tuple[Speed, int]:
    """The verdict of a comparison that stops where it is clear, and after how many starts."""
    for starts in range(1, len(values) + 1):
        seen = values[:starts]
        if is_settled(seen, comparisons=comparisons, threshold=THRESHOLD):
            return estimate(seen, comparisons=comparisons, threshold=THRESHOLD).verdict, starts
    found = estimate(values, comparisons=comparisons, threshold=THRESHOLD, last=True)
    return found.verdict, len(values)


def simulated(slowdown: float, scatter: float, runs: int, starts: int = 12) -> list[Speed]:
    """Verdicts of many comparisons whose starts scatter normally around the true log-ratio."""
    noise = np.random.default_rng(1).normal(0, scatter, (runs, starts))
    return [judged([math.log1p(slowdown) + one for one in run])[0] for run in noise.tolist()]


def test_a_steady_drift_of_the_machine_cancels_within_a_quartet() -> None:
    # Each turn takes 5 % longer than the one before; HEAD takes 10 % longer than BASE.
    first, second, third, fourth = (1.05**turn for turn in range(4))
    ratio = math.exp(quartet(base=(first, fourth), head=(1.1 * second, 1.1 * third)))
    assert ratio == pytest.approx(1.1)


def test_a_start_is_the_mean_over_its_batches_of_each_one_s_middle_half() -> None:
    interrupted = [0.01, 0.01, 0.03, 0.9]  # its middle half: 0.01 and 0.03
    assert value([interrupted]) == pytest.approx(0.02)
    assert value([interrupted, [0.04, 0.04]]) == pytest.approx(0.03)


def test_what_is_slower_on_one_image_alone_is_seen() -> None:
    as_before, twice_as_long = [0.0] * 5, [math.log(2)] * 5
    ratio = math.exp(value([as_before, as_before, twice_as_long, as_before, as_before]))
    assert ratio == pytest.approx(2 ** (1 / 5))


def test_the_interval_alone_is_students() -> None:
    values = [0.01, 0.03, 0.02]
    found = estimate(values, comparisons=1, threshold=THRESHOLD)
    # t of two degrees of freedom at 95 %: 4.3027; the standard error is 0.01 / √3.
    half = 4.3027 * 0.01 / math.sqrt(3)
    assert found.ratio == pytest.approx(math.exp(0.02))
    assert found.interval is not None
    assert found.interval.low == pytest.approx(math.exp(0.02 - half), rel=1e-4)
    assert found.interval.high == pytest.approx(math.exp(0.02 + half), rel=1e-4)


def test_more_comparisons_and_more_looks_widen_the_interval_that_decides() -> None:
    few = [0.01, 0.02, 0.03, 0.02, 0.01]
    assert len(few) == FIRST_LOOK

    def width(comparisons: int, values: list[float]) -> float:
        found = estimate(values, comparisons=comparisons, threshold=THRESHOLD)
        assert found.corrected is not None
        return math.log(found.corrected.high / found.corrected.low)

    assert width(1, few) < width(2, few) < width(100, few)
    alone = estimate(few, comparisons=1, threshold=THRESHOLD).interval
    assert alone is not None
    assert width(1, few) > math.log(alone.high / alone.low), "the first look spends a half"


def test_when_the_time_is_up_all_the_error_that_is_left_is_spent() -> None:
    few = [0.01, 0.02, 0.03, 0.02, 0.01]
    found = estimate(few, comparisons=1, threshold=THRESHOLD, last=True)
    assert found.corrected == found.interval, "no look before, and one comparison"
    more = [*few, 0.02, 0.01]
    looks_before = 1
    by_hand = 0.05 / (looks_before + 1)
    second = estimate(more, comparisons=1, threshold=THRESHOLD, last=True).corrected
    spent = estimate(more, comparisons=1, threshold=THRESHOLD).corrected
    assert second is not None
    assert spent is not None
    t = stdtrit(len(more) - 1, 1 - by_hand / 2)
    half = t * stdev(more) / math.sqrt(len(more))
    assert math.log(second.high / second.low) == pytest.approx(2 * half)
    assert second.high < spent.high


def test_all_looks_and_comparisons_together_spend_no_more_than_the_error_allowed() -> None:
    looks = [starts for starts in range(1, 2000) if is_look(starts)]
    assert looks[:4] == [5, 7, 10, 13]
    # As `estimate` divides it: 1/(n (n+1)) for the n-th look, 1/n for the last.
    shares = [ERROR / (look * (look + 1)) for look in range(1, len(looks))]
    assert sum(shares) + ERROR / len(looks) == pytest.approx(ERROR)


def test_equal_code_raises_no_more_false_alarms_than_stated() -> None:
    for scatter in (0.005, 0.01, 0.03):
        verdicts = simulated(0.0, scatter, runs=2000)
        # Two comparisons share the 5 %, and each may err to either side.
        assert sum(verdict is Speed.SLOWER for verdict in verdicts) / 2000 <= ERROR / 2


@pytest.mark.parametrize(("slowdown", "scatter"), [(0.1, 0.02), (0.05, 0.01)])
def test_a_slowdown_is_found(slowdown: float, scatter: float) -> None:
    verdicts = simulated(slowdown, scatter, runs=500)
    assert sum(verdict is Speed.SLOWER for verdict in verdicts) / 500 >= 0.95


def test_a_speedup_is_not_called_slower() -> None:
    assert set(simulated(-0.1, 0.01, runs=200)) <= {Speed.FASTER, Speed.UNDECIDED}


def test_too_few_starts_say_nothing() -> None:
    found = estimate([0.5] * (FEWEST - 1), comparisons=2, threshold=THRESHOLD)
    assert found.verdict is Speed.UNDECIDED
    assert (found.interval, found.corrected, found.seen_from) == (None, None, None)


def test_no_difference_is_only_said_where_one_that_matters_would_have_been_seen() -> None:
    close = estimate([0.001, -0.001, 0.002, -0.002, 0.0], comparisons=2, threshold=THRESHOLD)
    assert close.verdict is Speed.NO_DIFFERENCE
    assert close.seen_from is not None
    assert 1.0 < close.seen_from < 1 + THRESHOLD
    wide = estimate([0.05, -0.05, 0.03, -0.03, 0.0], comparisons=2, threshold=THRESHOLD)
    assert wide.verdict is Speed.UNDECIDED
    assert not is_clear(wide, THRESHOLD)


def test_no_difference_is_not_said_while_one_that_matters_is_possible() -> None:
    values = [0.02, 0.005, 0.025, 0.0, 0.015]
    found = estimate(values, comparisons=2, threshold=THRESHOLD)
    assert found.corrected is not None
    assert found.corrected.low < 1 < 1 + THRESHOLD < found.corrected.high
    assert found.verdict is Speed.UNDECIDED


def test_slower_but_perhaps_not_by_enough_is_looked_at_again() -> None:
    borderline = estimate([0.02, 0.03, 0.025, 0.03, 0.02], comparisons=2, threshold=THRESHOLD)
    assert borderline.verdict is Speed.SLOWER
    assert borderline.ratio < 1 + THRESHOLD
    assert not is_clear(borderline, THRESHOLD)
    surely_less = estimate([0.01, 0.011, 0.01, 0.009, 0.01], comparisons=2, threshold=THRESHOLD)
    assert surely_less.verdict is Speed.SLOWER
    assert is_clear(surely_less, THRESHOLD)
