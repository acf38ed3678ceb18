"""MS-SSIM against pytorch-msssim and cases done by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from pytorch_msssim import ms_ssim as reference_ms_ssim

from pytest_lic.images.corpus import load_corpus
from pytest_lic.measuring.metrics import METRICS, quality_metrics
from pytest_lic.measuring.metrics.ms_ssim import ms_ssim, to_db
from tests.helpers.pixels import noisy, random_image


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    return next(image.pixels for image in load_corpus("photos").images if "coffee" in image.name)


@pytest.mark.parametrize("size", [(161, 161), (162, 177), (240, 321), (400, 600), (191, 600)])
@pytest.mark.parametrize("strength", [1, 8, 60])
def test_agrees_with_pytorch_msssim(
    photo: np.ndarray, size: tuple[int, int], strength: int
) -> None:
    original = photo[: size[0], : size[1]]
    changed = noisy(original, strength)
    # In double precision: in single precision its own rounding reaches 1e-4.
    tensors = (
        torch.from_numpy(pixels.transpose(2, 0, 1)[None].astype(np.float64))
        for pixels in (original, changed)
    )
    window = torch.exp(-((torch.arange(11, dtype=torch.float64) - 5) ** 2) / 4.5)
    window = (window / window.sum()).repeat(3, 1, 1, 1)
    expected = reference_ms_ssim(*tensors, data_range=255, win=window).item()
    assert ms_ssim(original, changed) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("levels", [(10, 12), (255, 250), (128, 129)])
def test_of_flat_images_is_their_luminance_term(levels: tuple[int, int]) -> None:
    # Flat images have no contrast to differ in; 176 halves evenly down to the fifth scale.
    a, b = levels
    flat = [np.full((176, 176, 3), level, np.uint8) for level in levels]
    luminance = (2 * a * b + 6.5025) / (a * a + b * b + 6.5025)
    assert ms_ssim(*flat) == pytest.approx(luminance**0.1333, abs=2e-7)


def test_of_equal_images_is_exactly_one_and_infinite_in_db(photo: np.ndarray) -> None:
    assert ms_ssim(photo, photo) == 1.0
    assert to_db(ms_ssim(photo, photo)) == math.inf


def test_of_one_changed_sample_is_less_than_one(photo: np.ndarray) -> None:
    changed = photo.copy()
    changed[200, 300, 1] ^= 1
    assert 1 - 1e-6 < ms_ssim(photo, changed) < 1


def test_of_a_negative_is_zero_rather_than_not_a_number(photo: np.ndarray) -> None:
    assert ms_ssim(photo, 255 - photo) == pytest.approx(0.0, abs=0.05)


def test_needs_161_pixels_a_side() -> None:
    for size, is_there in (((160, 400), False), ((400, 160), False), ((161, 161), True)):
        image = random_image(*size)
        values, unavailable = quality_metrics(image, noisy(image, 9), [METRICS["ms_ssim"]])
        assert ("ms_ssim" in values, "ms_ssim" in unavailable) == (is_there, not is_there)
    image = random_image(400, 160)
    assert quality_metrics(image, image, [METRICS["ms_ssim"]])[1] == {
        "ms_ssim": "image of 160×400 pixels; MS-SSIM needs 161 on each side"
    }


def test_reads_read_only_and_strided_pixels(photo: np.ndarray) -> None:
    assert not photo.flags.writeable
    assert ms_ssim(photo[:, ::-1], photo[:, ::-1]) == 1.0


def test_in_db() -> None:
    assert to_db(0.9) == pytest.approx(10.0)
    assert to_db(0.0) == 0.0
    assert to_db(1.0) == math.inf


def test_is_averaged_before_it_is_in_db() -> None:
    metric = METRICS["ms_ssim"]
    mean = metric.average([0.9, 0.99])
    assert metric.shown(mean) == pytest.approx(-10 * math.log10(0.055))


def test_is_gated_in_db() -> None:
    metric = METRICS["ms_ssim"]
    assert metric.worse_by(0.99, 0.9) == pytest.approx(10.0)
    assert metric.worse_by(1.0, 0.9) == math.inf
    assert metric.worse_by(1.0, 1.0) == 0.0


def test_has_a_column_more_where_there_is_room() -> None:
    metric = METRICS["ms_ssim"]
    assert metric.columns(0.9) == {"MS-SSIM": "0.90000", "MS-SSIM dB": "10.000"}
    assert metric.columns(1.0) == {"MS-SSIM": "1.00000", "MS-SSIM dB": "–"}
    assert metric.columns(None) == {"MS-SSIM": "–", "MS-SSIM dB": "–"}
