"""ColorVideoVDP: how visible differences are on a display, by the package of its authors.

R. K. Mantiuk et al.: "ColorVideoVDP: a visual difference predictor for image, video and display
distortions", ACM Transactions on Graphics 2024.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from pytest_lic.measuring.metrics.borrowed import BorrowedMetric

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_DISPLAY = "standard_4k"


class ColorVideoVDP(BorrowedMetric):
    """In just-objectionable differences below 10, which equal images have."""

    name = "cvvdp"
    label = "ColorVideoVDP"
    unit = "JOD"
    higher_is_better = True
    tolerance = (0.002, 0.01)
    best = 10.0
    implementation = "cvvdp"
    extra = "cvvdp"
    module = "pycvvdp"
    smallest_side = 8
    definition = f"sRGB, one frame, display {_DISPLAY}: 30 inches, 200 cd/m² (Mantiuk 2024)"
    reference = "cvvdp called directly, to 1e-6"
    needs = "cvvdp: pip install 'pytest-lic[cvvdp]'"

    def value(self, original: NDArray[np.uint8], reconstruction: NDArray[np.uint8]) -> float:
        """What the package predicts."""
        import torch

        with torch.inference_mode():
            quality, _ = _predictor(self.package()).predict(
                reconstruction, original, dim_order="HWC"
            )
        return float(quality)


@cache
def _predictor(package: Any) -> Any:
    import torch

    return package.cvvdp(display_name=_DISPLAY, device=torch.device("cpu"), heatmap=None)
