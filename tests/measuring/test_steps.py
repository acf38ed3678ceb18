"""Steps are found where a level changes, and not in noise."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_lic.errors import Unavailable
from pytest_lic.measuring.steps import steps


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, 0, 0, 0, 0, 0], ()),
        ([0, 0, 0, 2, 2, 2], (3,)),
        ([0, 0, 0, 0, 0.1], (4,)),
        ([0, 0, 0, 0, 0.01], ()),
        ([0, 0, 3, 3, 3, 1, 1], (2, 5)),
    ],
)
def test_a_new_level_begins_where_it_does(values: list[float], expected: tuple[int, ...]) -> None:
    assert steps(values) == expected


def test_a_step_in_noise_is_found_and_noise_alone_seldom_makes_one() -> None:
    random = np.random.default_rng(0)
    noise = random.normal(0, 0.2, size=(200, 20))
    moved = noise + np.repeat([0.0, 1.5], 10)
    assert sum(steps(list(series)) == (10,) for series in moved) >= 150
    assert sum(steps(list(series)) != () for series in noise) <= 30


def test_too_few_values_tell_no_step() -> None:
    assert steps([0, 0, 9, 9]) == Unavailable("steps need 5 recordings; here are 4")
    assert steps([0]) == Unavailable("steps need 5 recordings; here is 1")
