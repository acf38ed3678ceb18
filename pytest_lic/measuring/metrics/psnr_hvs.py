"""PSNR-HVS: PSNR with each frequency weighted as the eye sees it.

K. Egiazarian, J. Astola, N. Ponomarenko, V. Lukin, F. Battisti, M. Carli: "New full-reference
quality metrics based on HVS", VPQM 2006. It is not PSNR-HVS-M, which also lets coefficients mask
each other.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pytest_lic.errors import UnavailableError
from pytest_lic.measuring.metrics.psnr import PSNR
from pytest_lic.measuring.metrics.ycbcr import luma

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_BLOCK = 8
# Table K.1 of the JPEG standard, ITU-T T.81: the quantization of luminance.
_JPEG_STEPS = (
    *(16, 11, 10, 16, 24, 40, 51, 61),
    *(12, 12, 14, 19, 26, 58, 60, 55),
    *(14, 13, 16, 24, 40, 57, 69, 56),
    *(14, 17, 22, 29, 51, 87, 80, 62),
    *(18, 22, 37, 56, 68, 109, 103, 77),
    *(24, 35, 55, 64, 81, 104, 113, 92),
    *(49, 64, 78, 87, 103, 121, 120, 101),
    *(72, 92, 95, 98, 112, 100, 103, 99),
)


class PSNRHVS(PSNR):
    """In dB; an image whose luma is lossless has none."""

    name = "psnr_hvs"
    label = "PSNR-HVS"
    tolerance = (0.02, 0.1)
    by_default = in_headlines = False
    definition = (
        "BT.709 luma of 10 bits, blocks of 8×8 side by side, edges repeated (Egiazarian 2006), "
        "without masking; mean of dB; JPEG AI's"
    )
    reference = "psnr-hvsm 0.3.0, which JPEG AI uses, to 1e-5 dB: benchmarks/metric_references.py"

    def compute(self, original: NDArray[np.uint8], reconstruction: NDArray[np.uint8]) -> float:
        """Of two 8-bit images (H, W, 3), RGB; UnavailableError where lumas are equal."""
        if original.shape != reconstruction.shape:
            raise ValueError(f"images of shapes {original.shape} and {reconstruction.shape}")
        value = psnr_hvs(luma(original), luma(reconstruction))
        if math.isinf(value):
            raise UnavailableError("lossless in Y: PSNR-HVS is infinite")
        return value


def psnr_hvs(original: NDArray[np.float64], reconstruction: NDArray[np.float64]) -> float:
    """PSNR-HVS of two planes (H, W) from 0 to 1, in dB; infinite when equal."""
    import numpy as np
    from scipy.fft import dctn

    padding = [(0, -side % _BLOCK) for side in original.shape]
    error = np.pad(original - reconstruction, padding, mode="edge")
    height, width = error.shape
    blocks = error.reshape(height // _BLOCK, _BLOCK, width // _BLOCK, _BLOCK)
    # The transform is linear: of the difference it is the difference of both.
    coefficients = dctn(blocks, axes=(1, 3), norm="ortho")
    weighted = coefficients * _weights()[None, :, None, :]
    mean = float(np.square(weighted).mean())
    return -10 * math.log10(mean) if mean else math.inf


def _weights() -> NDArray[np.float64]:
    """(8, 8): the finer JPEG quantizes a frequency, the more it counts; white noise as in PSNR."""
    import numpy as np

    weights = 1 / np.array(_JPEG_STEPS, np.float64).reshape(_BLOCK, _BLOCK)
    normalized: NDArray[np.float64] = weights / math.sqrt(np.square(weights).mean())
    return normalized
