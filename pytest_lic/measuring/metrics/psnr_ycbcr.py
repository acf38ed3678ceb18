"""PSNR of BT.709 luma, and of luma and chroma together."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pytest_lic.errors import UnavailableError
from pytest_lic.measuring.metrics.psnr import PSNR
from pytest_lic.measuring.metrics.ycbcr import ycbcr

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_PLANES = ("Y", "Cb", "Cr")


class PSNROfLuma(PSNR):
    """In dB, of luma alone."""

    name = "psnr_y"
    label = "PSNR Y"
    by_default = in_headlines = False
    definition = "BT.709 luma of 10 bits, 0 to 1023; mean of dB"
    reference = "10 log10(1023²/MSE) by hand"

    def compute(self, original: NDArray[np.uint8], reconstruction: NDArray[np.uint8]) -> float:
        """Of two 8-bit images (H, W, 3), RGB; UnavailableError where lumas are equal."""
        return _plane_psnrs(original, reconstruction, _PLANES[:1])[0]


class PSNROfYCbCr(PSNR):
    """In dB, of luma with weight 6 and of each chroma with weight 1."""

    name = "psnr_ycbcr"
    label = "PSNR YCbCr"
    by_default = in_headlines = False
    definition = "(6 PSNR Y + PSNR Cb + PSNR Cr) / 8 (Ohm 2012), BT.709, 4:4:4, 10 bits; mean of dB"
    reference = "10 log10(1023²/MSE) of each plane by hand"

    def compute(self, original: NDArray[np.uint8], reconstruction: NDArray[np.uint8]) -> float:
        """Of two 8-bit images (H, W, 3), RGB; UnavailableError where a plane is equal."""
        y, cb, cr = _plane_psnrs(original, reconstruction, _PLANES)
        return (6 * y + cb + cr) / 8


def _plane_psnrs(
    original: NDArray[np.uint8], reconstruction: NDArray[np.uint8], planes: tuple[str, ...]
) -> list[float]:
    import numpy as np

    if original.shape != reconstruction.shape:
        raise ValueError(f"images of shapes {original.shape} and {reconstruction.shape}")
    errors = np.square(ycbcr(original) - ycbcr(reconstruction)).mean((1, 2))
    for plane, error in zip(planes, errors, strict=False):
        if error == 0:
            raise UnavailableError(f"lossless in {plane}: PSNR is infinite")
    return [-10 * math.log10(error) for error in errors[: len(planes)]]
