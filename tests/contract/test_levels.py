"""Levels: which ranges there are, and which level is next to a number."""

import math

import pytest

from pytest_lic import Levels
from pytest_lic.errors import UsageError


def test_the_ends_of_a_range_are_levels_and_so_is_every_step_between():
    levels = Levels(0, 3, 1 / 1024)
    assert [levels.at(index) for index in (0, 1, levels.last)] == [0, 1 / 1024, 3]
    assert levels.last == 3 * 1024


def test_the_last_level_is_in_the_range_where_a_sum_of_steps_is_rounded_up():
    levels = Levels(0.1, 0.7, 0.1)
    assert levels.low + levels.last * levels.step > levels.high
    assert levels.index(levels.at(levels.last), "codec") == levels.last


@pytest.mark.parametrize(("level", "index"), [(1, 0), (1.06, 0), (1.2, 1), (1.3, 1), (95, 376)])
def test_a_level_a_little_off_a_step_is_the_next_to_it(level, index):
    assert Levels(1, 95, 0.25).index(level, "toy") == index


@pytest.mark.parametrize("level", [0.5, 1.01, 2.99])
def test_a_level_between_two_coarse_steps_is_refused(level):
    with pytest.raises(UsageError, match=r"^slim: level .*; expected one of 0 to 3 in steps of 1$"):
        Levels(0, 3, 1).index(level, "slim")


@pytest.mark.parametrize(
    "level", [-0.001, 3.001, math.nan, math.inf, pytest.param(10**400, id="huge"), "high", None]
)
def test_a_level_outside_the_range_is_refused_with_the_range(level):
    expected = r"^toy q1: level .*; expected one of 0 to 3 in steps of 0\.5$"
    with pytest.raises(UsageError, match=expected):
        Levels(0, 3, 0.5).index(level, "toy q1")


@pytest.mark.parametrize(
    ("low", "high", "step"),
    [(0, 0, 1), (3, 0, 1), (0, 3, 0), (0, 3, -1), (0, 3, 4), (0, math.inf, 1), (0, "3", 1)],
)
def test_what_is_no_range_is_refused(low, high, step):
    with pytest.raises(UsageError, match="expected numbers, the first below the second"):
        Levels(low, high, step)


@pytest.mark.parametrize("step", [0.4, 1e-9])
def test_a_range_is_a_whole_number_of_steps_and_not_too_many(step):
    with pytest.raises(UsageError, match="expected a whole number of them, 16777216 at most"):
        Levels(0, 1, step)
