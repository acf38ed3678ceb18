"""What training minimises: an estimate of the rate, and λ times the distortion."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import torch
from pytorch_msssim import ms_ssim
from torch import Tensor
from torch.nn import functional as F

from pytest_lic.errors import UsageError

Distortion = Literal["mse", "ms-ssim"]


class Loss(NamedTuple):
    """One batch's loss and its parts.

    Args:
        total: λ · 255² · MSE + bpp, or λ · (1 − MS-SSIM) + bpp.
        bpp: estimated rate in bits per pixel.
        distortion: MSE of RGB in [0, 1], or 1 − MS-SSIM.
    """

    total: Tensor
    bpp: Tensor
    distortion: Tensor


def rate_distortion_loss(
    outputs: Mapping[str, Any],
    images: Tensor,
    lmbda: float | Tensor,
    distortion: Distortion = "mse",
) -> Loss:
    """The rate-distortion Lagrangian of what a codec's forward returned for ``images``.

    Ballé, Minnen, Singh, Hwang and Johnston, ICLR 2018, https://arxiv.org/abs/1802.01436.

    Args:
        outputs: ``x_hat`` and ``likelihoods``.
        images: image batch (B, 3, H, W), RGB in [0, 1].
        lmbda: λ, the weight of distortion against rate; or (B,), that of each image; or
            (B, 1, h, w), that of each region, h and w parts of H and W.
        distortion: "mse", or "ms-ssim", for which sides must be at least 161 pixels.

    Raises:
        UsageError: another distortion, images too small for MS-SSIM, or its λ of regions.
    """
    bpp = estimated_bits(outputs["likelihoods"]).sum() / (images.numel() / images.size(1))
    decoded = outputs["x_hat"].float()
    if distortion == "mse":
        error = F.mse_loss(decoded, images)
        if not isinstance(lmbda, Tensor):
            return Loss(lmbda * 255.0**2 * error + bpp, bpp, error)
        errors = (decoded - images).square()
        if lmbda.ndim == 4:
            lmbda = F.interpolate(lmbda, images.shape[-2:])
        else:
            errors = errors.mean((1, 2, 3))
        return Loss((lmbda * 255.0**2 * errors).mean() + bpp, bpp, error)
    if distortion != "ms-ssim":
        raise UsageError(f'model.distortion: {distortion!r}; expected "mse" or "ms-ssim"')
    if min(images.shape[-2:]) < 161:
        raise UsageError(
            f"model.distortion=ms-ssim needs crops of at least 161 pixels, got "
            f"{images.shape[-1]}×{images.shape[-2]}; give --data.crop_size=192"
        )
    if isinstance(lmbda, Tensor) and lmbda.ndim == 4:
        raise UsageError(
            "model.distortion=ms-ssim has no λ of each region; give mse, or regions: uniform"
        )
    errors = 1.0 - ms_ssim(decoded, images, data_range=1.0, size_average=False)
    return Loss((lmbda * errors).mean() + bpp, bpp, errors.mean())


def estimated_bits(likelihoods: Mapping[str, Tensor]) -> Tensor:
    """−log2 of the likelihoods, each (B, C, h, w), summed over all but the batch: (B,)."""
    nats = [-likelihood.float().log().flatten(1).sum(1) for likelihood in likelihoods.values()]
    return torch.stack(nats).sum(0) / math.log(2.0)


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
