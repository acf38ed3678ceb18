"""Gains that are too good to be true, and those that a better codec brings."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_lic.baselines.plausible import too_good
from pytest_lic.measuring.measure import ImageResult, Measurement
from tests.helpers.measurements import measurement


def with_gain(before: Measurement, bytes_: float, psnr: float) -> Measurement:
    """``before``, its first image with so many times the bytes and so many dB more."""
    (name, image), *others = before.images.items()
    changed: ImageResult = replace(
        image,
        bytes=round(image.bytes * bytes_),
        metrics={**image.metrics, "psnr": image.metrics["psnr"] + psnr},
    )
    return replace(before, images={name: changed, **dict(others)})


@pytest.mark.parametrize(("bytes_", "psnr"), [(0.2, 0.0), (0.01, 3.0), (1.0, 13.0)])
def test_too_good(bytes_: float, psnr: float) -> None:
    before = measurement()
    sentence = too_good(with_gain(before, bytes_, psnr), before)
    assert sentence is not None
    assert f"on 1 of {len(before.images)} images: {next(iter(before.images))} took" in sentence


@pytest.mark.parametrize(("bytes_", "psnr"), [(0.3, 0.0), (0.2, -2.0), (2.0, 14.0), (1.0, 1.0)])
def test_good(bytes_: float, psnr: float) -> None:
    before = measurement()
    assert too_good(with_gain(before, bytes_, psnr), before) is None
