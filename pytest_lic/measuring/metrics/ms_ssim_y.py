"""MS-SSIM of BT.709 luma, as JPEG AI takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_lic.measuring.metrics.base import require_side
from pytest_lic.measuring.metrics.ms_ssim import MSSSIM, SMALLEST_SIDE, ms_ssim
from pytest_lic.measuring.metrics.ycbcr import luma

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class MSSSIMOfLuma(MSSSIM):
    """Stored, averaged and shown as MS-SSIM over RGB is."""

    name = "ms_ssim_y"
    label = "MS-SSIM Y"
    by_default = False
    definition = "BT.709 luma of 10 bits, five scales (Wang 2003); mean of linear values; JPEG AI's"
    reference = "pytorch-msssim, which JPEG AI uses, in double precision, to 1e-6"

    def compute(self, original: NDArray[np.uint8], reconstruction: NDArray[np.uint8]) -> float:
        """Of two 8-bit images (H, W, 3), RGB; UnavailableError below 161 pixels a side."""
        require_side(original, SMALLEST_SIDE, self.label)
        # Its constants are relative to the range: 10 bits over 1023 is what 8 bits over 255 is.
        planes = (255 * luma(pixels)[..., None] for pixels in (original, reconstruction))
        return ms_ssim(*planes)
