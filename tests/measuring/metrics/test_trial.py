"""Trying a metric: what stands in its way, which way it goes, how long it takes."""

from __future__ import annotations

import time

import numpy as np
import pytest

from pytest_lic.errors import MetricError, UnavailableError
from pytest_lic.measuring.metrics import METRICS, Metric
from pytest_lic.measuring.metrics.trial import (
    TIMED_SIZE,
    check_direction,
    made_image,
    obstacle,
    seconds,
)


class Distance(Metric):
    """Mean absolute error."""

    name = label = "distance"
    higher_is_better = False
    tolerance = (0.1, 0.5)

    def compute(self, original: np.ndarray, reconstruction: np.ndarray) -> float:
        return float(np.abs(original.astype(int) - reconstruction).mean())


class TurnedRound(Distance):
    higher_is_better = True


class Lacking(Distance):
    def compute(self, original: np.ndarray, reconstruction: np.ndarray) -> float:
        raise UnavailableError("no figments: pip install figments")


class Broken(Distance):
    def compute(self, original: np.ndarray, reconstruction: np.ndarray) -> float:
        raise RuntimeError("no such layer")


class Slow(Distance):
    def compute(self, original: np.ndarray, reconstruction: np.ndarray) -> float:
        assert original.shape[:2] == TIMED_SIZE
        time.sleep(0.02)
        return super().compute(original, reconstruction)


def test_the_made_image_is_the_same_each_time_and_noisier_where_asked() -> None:
    image = made_image(40, 60)
    assert image.shape == (40, 60, 3)
    assert np.array_equal(image, made_image(40, 60))
    errors = [Distance().compute(image, made_image(40, 60, noise)) for noise in (3, 40)]
    assert 0 < errors[0] < errors[1]


def test_a_direction_that_the_values_contradict_is_an_error() -> None:
    check_direction(Distance())
    check_direction(METRICS["psnr"])
    with pytest.raises(MetricError, match="distance says that higher is better, and gives"):
        check_direction(TurnedRound())


def test_what_stands_in_the_way_is_told() -> None:
    assert obstacle(Distance()) is None
    assert obstacle(METRICS["bpp"]) is None
    assert obstacle(Lacking()) == "no figments: pip install figments"
    assert "metric distance failed on a test image: RuntimeError" in (obstacle(Broken()) or "")


def test_seconds_are_those_that_it_takes() -> None:
    assert 0.02 <= seconds(Slow()) < 10
