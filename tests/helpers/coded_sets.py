"""Made-up results of two codecs on images that differ: their rates and PSNR at four qualities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pytest_lic.measuring.measure import Measurement
from tests.helpers.measurements import image, measurement


@dataclass(frozen=True)
class CodedSet:
    """``bpp`` and ``psnr`` of two codecs, each (2, points, images)."""

    bpp: np.ndarray
    psnr: np.ndarray

    @property
    def points(self) -> int:
        return self.bpp.shape[1]


def coded_set(images: int, *, gain: float, spread: float, seed: int) -> CodedSet:
    """Images of log-normal complexity; the second codec needs exp(gain ± spread) of the bits."""
    random = np.random.default_rng(seed)
    complexity = random.normal(0, 1, (1, images))
    quality = np.arange(4)[:, None]
    log_rate = -2.0 + 0.65 * quality + 0.45 * complexity * (1 - 0.1 * quality)
    log_rate = log_rate + random.normal(0, 0.03, (4, images))
    psnr = 28 + 3.1 * quality - 2.6 * complexity + random.normal(0, 0.8, (1, images))
    change = random.normal(gain, spread, (1, images)) + random.normal(0, spread / 6, (4, images))
    other = psnr + random.normal(0, spread, (1, images))
    return CodedSet(np.exp(np.stack([log_rate, log_rate + change])), np.stack([psnr, other]))


def coded_points(coded: CodedSet, side: int) -> dict[str, Measurement]:
    """Quality → measurement of one side."""
    found = {}
    for quality in range(coded.points):
        images = {
            f"{name}.png": image(size=round(coded.bpp[side, quality, name] * 1e6 / 8), psnr=psnr)
            for name, psnr in enumerate(coded.psnr[side, quality])
        }
        found[str(quality + 1)] = measurement(images, quality=str(quality + 1))
    return found
