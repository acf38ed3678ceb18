"""What the package piq computes: VIF, FSIM, IW-SSIM, GMSD, MDSI, HaarPSI and VSI.

In single precision, as the package and the reference software of JPEG AI are used, but for HaarPSI,
which that takes above its best value; double precision moves none of them by more than 3e-6.
"""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING

from pytest_lic.errors import UnavailableError
from pytest_lic.measuring.metrics.borrowed import BorrowedMetric, as_tensor
from pytest_lic.measuring.metrics.ycbcr import luma, rgb

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class PiqMetric(BorrowedMetric):
    """A function of piq of a reconstruction and its original, 0 to 1."""

    implementation = "piq"
    module = "piq"
    needs = "piq: pip install 'pytest-lic[perceptual]'"
    reference = "piq called directly, to 1e-6"
    function: str
    double = False
    """Whether it is computed in double precision."""

    def value(self, original: NDArray[np.uint8], reconstruction: NDArray[np.uint8]) -> float:
        """What piq says.

        Raises:
            UnavailableError: piq has no number for images without structure.
        """
        import torch

        compared = getattr(self.package(), self.function)
        images = (
            as_tensor(self.taken(pixels), double=self.double)
            for pixels in (reconstruction, original)
        )
        with torch.inference_mode(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch, at functions that piq calls
            try:
                value = float(compared(*images))
            except torch.linalg.LinAlgError as error:  # of a singular covariance
                raise UnavailableError(_NO_STRUCTURE) from error
        if not math.isfinite(value):
            raise UnavailableError(_NO_STRUCTURE)
        return value

    def taken(self, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        """What of an 8-bit image is compared: all of RGB, (H, W, 3), 0 to 1."""
        return pixels / 255.0


class PiqOfLuma(PiqMetric):
    """Of BT.709 luma of 10 bits."""

    def taken(self, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        """(H, W), 0 to 1."""
        return luma(pixels)


_NO_STRUCTURE = "piq has no number for it: an image without structure"


class VIF(PiqOfLuma):
    """1 when equal; more where the reconstruction has more contrast."""

    name = "vif"
    label = "VIF"
    higher_is_better = True
    tolerance = (0.001, 0.005)
    best = 1.0
    function = "vif_p"
    smallest_side = 41
    definition = "BT.709 luma of 10 bits, in the pixel domain (Sheikh 2006); JPEG AI's"
    reference = "IQA_pytorch 0.1, which JPEG AI uses, to 2e-5: benchmarks/metric_references.py"


class FSIM(PiqMetric):
    """1 when equal."""

    name = "fsim"
    label = "FSIM"
    higher_is_better = True
    tolerance = (0.0001, 0.0005)
    best = 1.0
    function = "fsim"
    smallest_side = 2
    definition = "RGB of 10 bits, with chroma: FSIMc (Zhang 2011); JPEG AI's"
    reference = "IQA_pytorch 0.1, which JPEG AI uses, to 1e-5: benchmarks/metric_references.py"

    def taken(self, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        """RGB, (H, W, 3), 0 to 1."""
        return rgb(pixels)


class IWSSIM(PiqOfLuma):
    """1 when equal."""

    name = "iw_ssim"
    label = "IW-SSIM"
    higher_is_better = True
    tolerance = (0.0001, 0.0005)
    best = 1.0
    function = "information_weighted_ssim"
    smallest_side = 161
    definition = "BT.709 luma of 10 bits, five scales (Wang 2011); JPEG AI's"


class GMSD(PiqMetric):
    """0 when equal."""

    name = "gmsd"
    label = "GMSD"
    higher_is_better = False
    tolerance = (0.0001, 0.0005)
    best = 0.0
    function = "gmsd"
    smallest_side = 4
    definition = "RGB, Y of YIQ at half the resolution (Xue 2014)"


class MDSI(PiqMetric):
    """0 when equal."""

    name = "mdsi"
    label = "MDSI"
    higher_is_better = False
    tolerance = (0.0005, 0.0025)
    best = 0.0
    function = "mdsi"
    smallest_side = 4
    definition = "RGB, gradients and chromaticity, summed (Nafchi 2016)"


class HaarPSI(PiqMetric):
    """1 when equal."""

    name = "haarpsi"
    label = "HaarPSI"
    higher_is_better = True
    tolerance = (0.0005, 0.0025)
    best = 1.0
    function = "haarpsi"
    double = True
    smallest_side = 16
    definition = "RGB, with chroma, three scales at half the resolution (Reisenhofer 2018)"


class VSI(PiqMetric):
    """1 when equal."""

    name = "vsi"
    label = "VSI"
    higher_is_better = True
    decimals = 5
    stored_decimals = mean_decimals = 7
    tolerance = (0.00002, 0.0001)
    best = 1.0
    function = "vsi"
    smallest_side = 4
    definition = "RGB, weighted by visual saliency (Zhang 2014)"
