"""PSNR-HVS against cases done by hand; benchmarks/metric_references.py compares with psnr-hvsm."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pytest_lic.measuring.metrics import METRICS, quality_metrics
from pytest_lic.measuring.metrics.psnr_hvs import _weights, psnr_hvs
from tests.helpers.pixels import random_image


def planes(height: int, width: int, strength: float) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    original = random.random((height, width))
    return original, original + strength * random.standard_normal((height, width))


def test_weights_are_those_of_the_authors_program() -> None:
    # Its first row and its last weight, with the six decimals that it has.
    first = (1.608443, 2.339554, 2.573509, 1.608443, 1.072295, 0.643377, 0.504610, 0.421887)
    assert np.allclose(_weights()[0], first, atol=1e-6)
    assert _weights()[7, 7] == pytest.approx(0.259950, abs=1e-6)


def test_of_white_noise_is_psnr() -> None:
    original, changed = planes(512, 512, 0.1)
    assert psnr_hvs(original, changed) == pytest.approx(20.0, abs=0.05)


def test_of_one_frequency_is_its_weight() -> None:
    """A wave that is one coefficient of each block."""
    samples = np.arange(16)
    for row, column in ((0, 0), (0, 1), (2, 5), (7, 7)):
        across = np.cos((2 * samples + 1) * column * math.pi / 16)
        down = np.cos((2 * samples + 1) * row * math.pi / 16)
        wave = 0.01 * np.outer(down, across)
        original = np.full((16, 16), 0.5)
        psnr = -10 * math.log10((wave**2).mean())
        expected = psnr - 20 * math.log10(_weights()[row, column])
        assert psnr_hvs(original, original + wave) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("size", [(8, 8), (9, 8), (15, 23), (1, 1)])
def test_edges_are_repeated_to_whole_blocks(size: tuple[int, int]) -> None:
    height, width = size
    original, changed = planes(height, width, 0.1)
    padding = ((0, -height % 8), (0, -width % 8))
    whole = (np.pad(plane, padding, mode="edge") for plane in (original, changed))
    assert psnr_hvs(original, changed) == pytest.approx(psnr_hvs(*whole), abs=1e-12)


def test_of_lossless_luma_is_unavailable() -> None:
    image = random_image(20, 20)
    assert quality_metrics(image, image, [METRICS["psnr_hvs"]])[1] == {
        "psnr_hvs": "lossless in Y: PSNR-HVS is infinite"
    }
