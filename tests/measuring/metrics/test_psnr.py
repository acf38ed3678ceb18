"""PSNR against cases done by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pytest_lic.measuring.metrics import METRICS, quality_metrics
from pytest_lic.measuring.metrics.psnr import psnr
from tests.helpers.pixels import random_image


def test_of_a_case_done_by_hand() -> None:
    black = np.zeros((2, 2, 3), np.uint8)
    one_off = black.copy()
    one_off[0, 0] = (3, 4, 0)  # MSE = (9 + 16) / 12
    assert psnr(black, one_off) == pytest.approx(10 * math.log10(65025 * 12 / 25), abs=1e-12)


def test_of_opposites_is_zero() -> None:
    black = np.zeros((5, 7, 3), np.uint8)
    assert psnr(black, black + np.uint8(255)) == pytest.approx(0.0, abs=1e-12)
    assert psnr(black + np.uint8(255), black) == pytest.approx(0.0, abs=1e-12)


def test_of_a_lossless_result_is_unavailable() -> None:
    image = random_image(4, 4)
    assert math.isinf(psnr(image, image))
    values, unavailable = quality_metrics(image, image, [METRICS["psnr"]])
    assert values == {}
    assert unavailable == {"psnr": "lossless: PSNR is infinite"}


def test_of_different_shapes_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"\(4, 4, 3\) and \(4, 5, 3\)"):
        psnr(random_image(4, 4), random_image(4, 5))


def test_is_averaged_in_db() -> None:
    assert METRICS["psnr"].average([30.0, 40.0]) == 35.0


def test_losing_a_lossless_result_is_infinitely_worse() -> None:
    metric = METRICS["psnr"]
    assert metric.lossless == math.inf
    assert metric.worse_by(math.inf, 60.0) == math.inf
    assert metric.worse_by(math.inf, math.inf) == 0.0
