"""NLPD: the distance between two images in a normalized Laplacian pyramid, as JPEG AI takes it.

V. Laparra, J. Ballé, A. Berardino, E. P. Simoncelli: "Perceptual image quality assessment using a
normalized Laplacian pyramid", Human Vision and Electronic Imaging 2016. Each level is what a blur
takes from the one above, divided by a weighted sum of its neighbours' magnitudes:

    level ─ blur, ↓2 ─► coarser level      band = level − blur(↑2 coarser level)
                                           normalized = band / (σ + weights * |band|)

Programs differ in what the paper leaves open. JPEG AI has IQA_pytorch's: six bands and no
remainder, bilinear ↑2 from corner to corner, edges reflected, and the plain mean over bands of the
root mean square difference. plenoptic's of the same name, where the sixth band is the remainder
and edges are black, gives other numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_lic.measuring.metrics.base import Metric, require_side
from pytest_lic.measuring.metrics.borrowed import as_tensor
from pytest_lic.measuring.metrics.ycbcr import luma

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

_BLUR = (0.05, 0.25, 0.4, 0.25, 0.05)
# Of each band: σ, and the weights of the neighbours above, left, right and below.
_NORMALIZATION = (
    (0.0248, (0.1011, 0.1493, 0.1460, 0.1015)),
    (0.0185, (0.0757, 0.1986, 0.1846, 0.0837)),
    (0.0179, (0.0477, 0.2138, 0.2243, 0.0467)),
    (0.0191, (0.0, 0.2503, 0.2616, 0.0)),
    (0.0220, (0.0, 0.2598, 0.2552, 0.0)),
    (0.2782, (0.0, 0.2215, 0.0717, 0.0)),
)
SMALLEST_SIDE = 65
"""Below this the coarsest of six bands has no edge that could be reflected."""


class NLPD(Metric):
    """0 when equal."""

    name = "nlpd"
    label = "NLPD"
    higher_is_better = False
    tolerance = (0.0003, 0.0015)
    best = 0.0
    implementation = "pytest-lic"
    definition = (
        "BT.709 luma of 10 bits, 0 to 1, six bands (Laparra 2016) in IQA_pytorch's variant, "
        "which is JPEG AI's"
    )
    reference = "IQA_pytorch 0.1, which JPEG AI uses, to 1e-6: benchmarks/metric_references.py"

    def compute(self, original: NDArray[np.uint8], reconstruction: NDArray[np.uint8]) -> float:
        """Of two 8-bit images (H, W, 3), RGB; UnavailableError below `SMALLEST_SIDE`."""
        import torch

        if original.shape != reconstruction.shape:
            raise ValueError(f"images of shapes {original.shape} and {reconstruction.shape}")
        require_side(original, SMALLEST_SIDE, self.label)
        with torch.inference_mode():
            pyramids = [_pyramid(as_tensor(luma(pixels))) for pixels in (original, reconstruction)]
            distances = [
                (one - other).square().mean().sqrt() for one, other in zip(*pyramids, strict=True)
            ]
        return float(torch.stack(distances).double().mean())


def _pyramid(level: Tensor) -> list[Tensor]:
    """The normalized bands of (1, 1, H, W), from the finest."""
    from torch.nn.functional import conv2d, interpolate, pad

    bands = []
    for sigma, (above, left, right, below) in _NORMALIZATION:
        coarser = _blurred(level, stride=2)
        upper = interpolate(coarser, scale_factor=2, mode="bilinear", align_corners=True)
        expected = _blurred(upper)
        if expected.shape != level.shape:  # of an odd side
            expected = interpolate(expected, level.shape[2:], mode="nearest")
        band = level - expected
        weights = band.new_tensor([[0, above, 0], [left, 0, right], [0, below, 0]])
        around = conv2d(pad(band.abs(), (1, 1, 1, 1), mode="reflect"), weights[None, None])
        bands.append(band / (sigma + around))
        level = coarser
    return bands


def _blurred(level: Tensor, stride: int = 1) -> Tensor:
    from torch.nn.functional import conv2d, pad

    kernel = level.new_tensor(_BLUR)
    padded = pad(level, (2, 2, 2, 2), mode="reflect")
    return conv2d(padded, kernel.outer(kernel)[None, None], stride=stride)
