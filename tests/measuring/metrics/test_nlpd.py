"""NLPD against the definition written out, and against what JPEG AI's program gave."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import correlate, map_coordinates

from pytest_lic.measuring.metrics import METRICS, quality_metrics
from pytest_lic.measuring.metrics.nlpd import _NORMALIZATION
from pytest_lic.measuring.metrics.trial import made_image
from pytest_lic.measuring.metrics.ycbcr import luma
from tests.helpers.pixels import noisy, random_image

GIVEN = [(3, (128, 192), 0.0680558), (40, (131, 257), 0.5111226), (10, (200, 128), 0.1995358)]
"""Noise and size of a made pair → what IQA_pytorch 0.1, NLPD(channels=1), gave for its lumas."""

BLUR = np.outer((1, 5, 8, 5, 1), (1, 5, 8, 5, 1)) / 400


def bands(level: np.ndarray) -> list[np.ndarray]:
    """The normalized pyramid in double precision; scipy calls reflection at a sample ``mirror``."""
    found = []
    for sigma, (above, left, right, below) in _NORMALIZATION:
        coarser = correlate(level, BLUR, mode="mirror")[::2, ::2]
        places = np.meshgrid(
            *(np.linspace(0, side - 1, 2 * side) for side in coarser.shape), indexing="ij"
        )
        upper = correlate(map_coordinates(coarser, places, order=1), BLUR, mode="mirror")
        rows, columns = (
            np.arange(side) * above // side
            for side, above in zip(level.shape, upper.shape, strict=True)
        )
        band = level - upper[np.ix_(rows, columns)]
        neighbours = np.array([[0, above, 0], [left, 0, right], [0, below, 0]])
        found.append(band / (sigma + correlate(np.abs(band), neighbours, mode="mirror")))
        level = coarser
    return found


@pytest.mark.parametrize("size", [(128, 192), (129, 200), (65, 65)])
@pytest.mark.parametrize("strength", [3, 30])
def test_is_the_definition_written_out(size: tuple[int, int], strength: int) -> None:
    image = random_image(*size)
    changed = noisy(image, strength)
    pyramids = (bands(luma(pixels)) for pixels in (image, changed))
    distances = [np.sqrt(((a - b) ** 2).mean()) for a, b in zip(*pyramids, strict=True)]
    expected = np.mean(distances)
    assert METRICS["nlpd"].compute(image, changed) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("noise", "size", "given"), GIVEN)
def test_is_what_iqa_pytorch_gave(noise: float, size: tuple[int, int], given: float) -> None:
    pair = made_image(*size), made_image(*size, noise)
    assert METRICS["nlpd"].compute(*pair) == pytest.approx(given, abs=1e-6)


def test_needs_65_pixels_a_side() -> None:
    image = random_image(64, 200)
    assert quality_metrics(image, image, [METRICS["nlpd"]])[1] == {
        "nlpd": "image of 200×64 pixels; NLPD needs 65 on each side"
    }
