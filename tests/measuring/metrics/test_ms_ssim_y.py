"""MS-SSIM of luma against pytorch-msssim."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pytorch_msssim import ms_ssim as reference_ms_ssim

from pytest_lic.images.corpus import load_corpus
from pytest_lic.measuring.metrics import METRICS, quality_metrics
from pytest_lic.measuring.metrics.ycbcr import luma
from tests.helpers.pixels import noisy, random_image


@pytest.mark.parametrize("strength", [2, 20])
def test_agrees_with_pytorch_msssim_on_10_bits(strength: int) -> None:
    photo = load_corpus("photos").images[0].pixels[:240, :321]
    changed = noisy(photo, strength)
    planes = (torch.from_numpy(1023 * luma(pixels))[None, None] for pixels in (photo, changed))
    window = torch.exp(-((torch.arange(11, dtype=torch.float64) - 5) ** 2) / 4.5)
    window = (window / window.sum()).repeat(1, 1, 1, 1)
    expected = reference_ms_ssim(*planes, data_range=1023, win=window).item()
    assert METRICS["ms_ssim_y"].compute(photo, changed) == pytest.approx(expected, abs=1e-6)


def test_of_equal_images_is_one_and_stored_as_ms_ssim_is() -> None:
    image = random_image(161, 170)
    metric = METRICS["ms_ssim_y"]
    assert metric.compute(image, image) == 1.0
    assert metric.columns(0.9) == {"MS-SSIM Y": "0.90000", "MS-SSIM Y dB": "10.000"}


def test_needs_161_pixels_a_side() -> None:
    image = np.zeros((160, 400, 3), np.uint8)
    assert quality_metrics(image, image, [METRICS["ms_ssim_y"]])[1] == {
        "ms_ssim_y": "image of 400×160 pixels; MS-SSIM Y needs 161 on each side"
    }
