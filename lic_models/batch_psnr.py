"""PSNR of an image batch while training, in the plugin's sense of it."""

from __future__ import annotations

import torch
from torch import Tensor


@torch.no_grad()
def mean_psnr(decoded: Tensor, images: Tensor) -> Tensor:
    """Mean over a batch of the PSNR in dB of the 8-bit reconstructions, as the plugin has it.

    Args:
        decoded: (B, 3, H, W), not yet clamped.
        images: (B, 3, H, W), in [0, 1].
    """
    pixels = (decoded.float().clamp(0.0, 1.0) * 255.0).round()
    errors = (pixels - images * 255.0).square().mean((1, 2, 3)).clamp(min=1e-6)
    return (10.0 * (255.0**2 / errors).log10()).mean()
