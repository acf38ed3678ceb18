"""Luma and chroma of 10 bits, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_lic.measuring.metrics.ycbcr import LEVELS, luma, rgb, ycbcr
from tests.helpers.pixels import random_image


@pytest.mark.parametrize(
    ("colour", "expected"),
    [
        ((0, 0, 0), (0, 512, 512)),
        ((255, 255, 255), (1023, 512, 512)),
        ((255, 0, 0), (217, 394, 1023)),  # 0.2126, 0.5 − 0.2126 / 1.8556, 1
        ((0, 255, 0), (732, 117, 47)),
        ((0, 0, 255), (74, 1023, 465)),
        ((128, 128, 128), (514, 512, 512)),
    ],
)
def test_colours_by_hand(colour: tuple[int, ...], expected: tuple[int, ...]) -> None:
    planes = ycbcr(np.array([[colour]], np.uint8))
    assert np.allclose(planes[:, 0, 0] * LEVELS, expected, atol=1e-9)


def test_all_are_multiples_of_one_level_from_0_to_1() -> None:
    image = random_image(40, 30)
    for planes, shape in ((rgb(image), (40, 30, 3)), (luma(image), (40, 30))):
        assert planes.shape == shape
        assert 0 <= planes.min() < planes.max() <= 1
        assert np.abs(planes * LEVELS - np.rint(planes * LEVELS)).max() < 1e-9
    assert np.array_equal(luma(image), ycbcr(image)[0])
