"""MS-SSIM of 8-bit RGB images, computed on the CPU faster than pytorch-msssim does.

Z. Wang, E. P. Simoncelli, A. C. Bovik: "Multi-scale structural similarity for image quality
assessment", Asilomar 2003. Window, weights, averaging and the treatment of odd sides are those
of pytorch-msssim; docs/explanations/metrics.md says why this is kept beside it, and how it works.
"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, Any

from pytest_lic.measuring.metrics.base import NONE, Metric, require_side

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

SMALLEST_SIDE = 161
"""Below this the window of 11 pixels does not fit into the coarsest of the five scales."""

_WINDOW = 11
_SIGMA = 1.5
_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_LUMINANCE = (0.01 * 255) ** 2  # C1
_CONTRAST = (0.03 * 255) ** 2  # C2
_LANES = 16  # pixels in one vector; at least the window's overlap of 10
# Taken from all pixels: E[x²] − E[x]² would otherwise lose its digits where it is bright and flat.
_ZERO = 128.0


class MSSSIM(Metric):
    """Stored and averaged as the linear value; shown, and gated, in dB."""

    name = "ms_ssim"
    label = "MS-SSIM"
    unit = "dB"
    higher_is_better = True
    decimals = 3
    stored_decimals = mean_decimals = 8
    tolerance = (0.02, 0.1)
    by_default = True
    implementation = "pytest-lic"
    definition = "RGB, 0 to 255, mean over channels, five scales (Wang 2003); mean of linear values"
    reference = "pytorch-msssim in double precision, to 1e-6"
    best = 1.0

    def compute(self, original: NDArray[np.uint8], reconstruction: NDArray[np.uint8]) -> float:
        """`ms_ssim`, where the images are large enough."""
        require_side(original, SMALLEST_SIDE, self.label)
        return ms_ssim(original, reconstruction)

    def shown(self, value: float) -> float:
        """In dB."""
        return to_db(value)

    @property
    def averaged(self) -> str:
        """The linear value is averaged, and its mean turned into dB."""
        return f"linear {self.label} (then in {self.unit})"

    def columns(self, value: float | None) -> dict[str, str]:
        """The linear value too."""
        linear = NONE if value is None else f"{value:.5f}"
        return {self.label: linear, **super().columns(value)}


def to_db(ms_ssim: float) -> float:
    """Linear MS-SSIM → −10 log10(1 − MS-SSIM) in dB; infinite at 1."""
    return -10 * math.log10(1 - ms_ssim) if ms_ssim < 1 else math.inf


def ms_ssim(original: NDArray[np.number[Any]], reconstruction: NDArray[np.number[Any]]) -> float:
    """MS-SSIM of two images (H, W, C), 0 to 255, the mean over channels: 0 to 1, 1 when equal.

    Raises:
        ValueError: other than two equally large images of at least `SMALLEST_SIDE` a side.
    """
    import torch

    if original.shape != reconstruction.shape or original.ndim != 3:
        raise ValueError(f"images of shapes {original.shape} and {reconstruction.shape}")
    if min(original.shape[:2]) < SMALLEST_SIDE:
        raise ValueError(f"image of shape {original.shape}; each side must be {SMALLEST_SIDE} up")
    with torch.inference_mode():
        return _ms_ssim(_planes(original), _planes(reconstruction))


def _planes(pixels: NDArray[np.number[Any]]) -> Tensor:
    """(H, W, C) → float32 (C, H, W), each channel contiguous, values less `_ZERO`."""
    import numpy as np
    import torch

    planes = np.ascontiguousarray(pixels.transpose(2, 0, 1), np.float32)
    return torch.from_numpy(planes - _ZERO)


def _ms_ssim(x: Tensor, y: Tensor) -> float:
    factors = []
    for scale, weight in enumerate(_WEIGHTS):
        if scale:
            x, y = _halved(x), _halved(y)
        similarity = _similarity(x, y, with_luminance=scale == len(_WEIGHTS) - 1)
        factors.append(similarity.clamp_min(0) ** weight)
    return float(math.prod(factors[1:], start=factors[0]).mean())


def _similarity(x: Tensor, y: Tensor, *, with_luminance: bool) -> Tensor:
    """The mean of contrast × structure, and of luminance too if asked for: float64 (C,)."""
    import torch

    mean_x, shift, power, error = _blurred(x, y)
    mean_y = mean_x - shift
    energy = _energy(mean_x, mean_y)
    shift = shift.square_()
    # 1 − cs = (σx² + σy² − 2 σxy) / (σx² + σy² + C2), whose numerator is the variance of x − y.
    loss = error.sub_(shift).div_(power.sub_(energy).add_(_CONTRAST))
    if with_luminance:
        energy = _energy(mean_x + _ZERO, mean_y + _ZERO)
        luminance_loss = shift.div_(energy.add_(_LUMINANCE))
        loss = loss + luminance_loss - loss * luminance_loss
    return 1 - loss.mean((1, 2), dtype=torch.float64)


def _energy(x: Tensor, y: Tensor) -> Tensor:
    return x.square().addcmul_(y, y)


def _blurred(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Gaussian means of x, x − y, x² + y² and (x − y)², each (C, H − 10, W − 10)."""
    from torch.nn.functional import conv2d

    channels, height, width = x.shape
    blurred_width = width - _WINDOW + 1
    padded = -(-blurred_width // _LANES) * _LANES + _LANES
    maps = x.new_zeros(4, channels, height, padded)
    inside = maps[..., :width]
    inside[0] = x
    inside[1] = x - y
    inside[2] = _energy(x, y)
    inside[3] = inside[1].square()
    # Channels-last: sixteen neighbouring pixels are the channels of one.
    vectors = maps.view(4 * channels, height, padded // _LANES, _LANES).permute(0, 3, 1, 2)
    down, across = _kernels()
    vectors = conv2d(conv2d(vectors, down, groups=_LANES), across)
    blurred = vectors.permute(0, 2, 3, 1).reshape(4, channels, height - _WINDOW + 1, -1)
    mean_x, shift, power, error = blurred[..., :blurred_width]
    return mean_x, shift, power, error


@cache
def _kernels() -> tuple[Tensor, Tensor]:
    """The window along columns, (16, 1, 11, 1), and along rows, (16, 16, 1, 2)."""
    import torch

    offsets = torch.arange(_WINDOW, dtype=torch.float64, device="cpu") - _WINDOW // 2
    window = torch.exp(-(offsets**2) / (2 * _SIGMA**2))
    window = (window / window.sum()).float()
    band = window.new_zeros(_LANES, 2 * _LANES)  # output pixel × input pixel of two vectors
    for pixel in range(_LANES):
        band[pixel, pixel : pixel + _WINDOW] = window
    down = window.view(1, 1, _WINDOW, 1).repeat(_LANES, 1, 1, 1)
    across = band.view(_LANES, 2, _LANES).permute(0, 2, 1)[:, :, None, :]
    last = torch.channels_last
    return down.contiguous(memory_format=last), across.contiguous(memory_format=last)


def _halved(planes: Tensor) -> Tensor:
    """Means of 2 × 2 pixels. An odd side gets a row of black first, as in pytorch-msssim."""
    from torch.nn.functional import pad

    height, width = planes.shape[1:]
    if height % 2 or width % 2:
        planes = pad(planes, (width % 2, 0, height % 2, 0), value=-_ZERO)
    rows = planes[:, ::2] + planes[:, 1::2]
    return (rows[:, :, ::2] + rows[:, :, 1::2]).mul_(0.25)
