"""PSNR of 8-bit RGB images, over all samples of all channels."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pytest_lic.errors import UnavailableError
from pytest_lic.measuring.metrics.base import Metric

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class PSNR(Metric):
    """In dB; a lossless image has none, and losing that is a regression all the same."""

    name = "psnr"
    label = "PSNR"
    unit = "dB"
    higher_is_better = True
    decimals = 3
    mean_decimals = 5
    tolerance = (0.01, 0.05)
    by_default = in_headlines = True
    implementation = "pytest-lic"
    definition = "RGB, 0 to 255, the MSE over all samples of the image; mean of dB"
    reference = "10 log10(255²/MSE) by hand"
    lossless = math.inf

    def compute(self, original: NDArray[np.uint8], reconstruction: NDArray[np.uint8]) -> float:
        """`psnr`, where it is finite."""
        value = psnr(original, reconstruction)
        if math.isinf(value):
            raise UnavailableError("lossless: PSNR is infinite")
        return value


def psnr(original: NDArray[np.uint8], reconstruction: NDArray[np.uint8]) -> float:
    """10 log10(255² / MSE) in dB, the MSE over all samples of two 8-bit images; inf when equal."""
    import numpy as np

    if original.shape != reconstruction.shape:
        raise ValueError(f"images of shapes {original.shape} and {reconstruction.shape}")
    difference = np.subtract(original, reconstruction, dtype=np.int32)
    squares = int(np.sum(np.square(difference), dtype=np.int64))
    return 10 * math.log10(255**2 * original.size / squares) if squares else math.inf
