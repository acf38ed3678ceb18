"""Bits per pixel: of the whole bitstream, and in percent."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_lic.measuring.metrics import METRICS, quality_metrics


def test_counts_every_byte() -> None:
    assert METRICS["bpp"].of_stream(1000, 100 * 80) == 1.0


def test_is_averaged_over_images_whatever_their_size() -> None:
    assert METRICS["bpp"].average([0.5, 1.0, 1.5]) == 1.0


def test_gets_worse_in_percent() -> None:
    metric = METRICS["bpp"]
    assert metric.worse_by(0.5, 0.6) == pytest.approx(20.0)
    assert metric.worse_by(0.5, 0.4) == pytest.approx(-20.0)
    assert metric.tolerance_unit == "%"


def test_is_not_told_by_pixels() -> None:
    image = np.zeros((4, 4, 3), np.uint8)
    assert quality_metrics(image, image, [METRICS["bpp"]]) == ({}, {})
