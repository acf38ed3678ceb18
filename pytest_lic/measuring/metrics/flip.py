"""FLIP: what an observer sees who flips between two images, by the package of its authors.

P. Andersson et al.: "FLIP: a difference evaluator for alternating images", HPG 2020.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_lic.measuring.metrics.borrowed import BorrowedMetric

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class FLIP(BorrowedMetric):
    """0 when equal, up to 1."""

    name = "flip"
    label = "FLIP"
    higher_is_better = False
    tolerance = (0.0001, 0.0005)
    best = 0.0
    implementation = "flip-evaluator"
    module = "flip_evaluator"
    definition = "sRGB, LDR-FLIP, 67 pixels per degree, mean over pixels (Andersson 2020)"
    reference = "flip-evaluator called directly, to 1e-6"
    needs = "flip-evaluator: pip install 'pytest-lic[perceptual]'"

    def value(self, original: NDArray[np.uint8], reconstruction: NDArray[np.uint8]) -> float:
        """The mean over all pixels."""
        import numpy as np

        images = ((pixels / 255.0).astype(np.float32) for pixels in (original, reconstruction))
        _, mean, _ = self.package().evaluate(*images, "LDR", applyMagma=False)
        return float(mean)
