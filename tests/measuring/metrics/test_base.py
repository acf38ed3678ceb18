"""What a metric is worth by its facts alone."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pytest_lic.measuring.metrics.base import Metric


class Sharpness(Metric):
    """A metric of which more is better, on a scale without a unit."""

    name = "sharpness"
    label = "Sharpness"
    higher_is_better = True
    decimals = 2
    tolerance = (0.1, 0.5)


class Halos(Sharpness):
    """A metric of which less is better, in a unit, compared in percent."""

    name = "halos"
    label = "Halos"
    unit = "px"
    higher_is_better = False
    relative = True


def test_worse_is_told_in_the_unit_of_the_tolerance() -> None:
    assert Sharpness().worse_by(3.0, 2.5) == 0.5
    assert Sharpness().tolerance_unit == ""
    assert Halos().worse_by(4.0, 5.0) == 25.0
    assert Halos().tolerance_unit == "%"
    assert math.isnan(Halos().worse_by(4.0, math.nan))


def test_a_value_is_shown_with_its_decimals_and_a_dash_where_there_is_none() -> None:
    values = (1.234, None, math.inf, math.nan)
    assert [Sharpness().text(value) for value in values] == ["1.23", "–", "–", "–"]
    assert Sharpness().columns(2.0) == {"Sharpness": "2.00"}
    assert Halos().columns(2.0) == {"Halos px": "2.00"}


def test_the_mean_in_words_names_the_unit() -> None:
    assert Sharpness().averaged == "per-image Sharpness"
    assert Halos().averaged == "per-image Halos in px"


def test_the_average_does_not_depend_on_the_order() -> None:
    values = list(np.random.default_rng(0).random(1000))
    assert Sharpness().average(values) == Sharpness().average(sorted(values))


def test_the_average_of_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="no values of sharpness"):
        Sharpness().average([])


def test_the_fingerprint_changes_with_the_revision() -> None:
    changed = Sharpness()
    changed.revision = 2
    assert changed.fingerprint() != Sharpness().fingerprint() != Halos().fingerprint()
