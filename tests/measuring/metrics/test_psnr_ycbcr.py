"""PSNR of luma, and of luma and chroma, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pytest_lic.measuring.metrics import METRICS, quality_metrics
from pytest_lic.measuring.metrics.ycbcr import ycbcr
from tests.helpers.pixels import noisy, random_image


def test_of_grey_is_that_of_its_levels() -> None:
    grey = np.full((8, 9, 3), 100, np.uint8)  # 401.2 of 1023, rounded to 401
    other = np.full((8, 9, 3), 110, np.uint8)  # 441.3, rounded to 441
    expected = 20 * math.log10(1023 / 40)
    assert METRICS["psnr_y"].compute(grey, other) == pytest.approx(expected, abs=1e-9)


def test_chroma_counts_a_quarter() -> None:
    image = random_image(20, 30)
    changed = noisy(image, 10)
    y, cb, cr = (
        -10 * math.log10(((one - other) ** 2).mean())
        for one, other in zip(ycbcr(image), ycbcr(changed), strict=True)
    )
    assert METRICS["psnr_y"].compute(image, changed) == pytest.approx(y)
    assert METRICS["psnr_ycbcr"].compute(image, changed) == pytest.approx((6 * y + cb + cr) / 8)


def test_a_plane_without_error_is_named() -> None:
    grey = np.full((8, 9, 3), 100, np.uint8)
    both = [METRICS["psnr_y"], METRICS["psnr_ycbcr"]]
    assert quality_metrics(grey, grey, both)[1] == {
        "psnr_y": "lossless in Y: PSNR is infinite",
        "psnr_ycbcr": "lossless in Y: PSNR is infinite",
    }
    values, unavailable = quality_metrics(grey, grey + np.uint8(10), both)
    assert "psnr_y" in values
    assert unavailable == {"psnr_ycbcr": "lossless in Cb: PSNR is infinite"}
