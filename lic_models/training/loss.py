"""What training minimises: an estimate of the rate, and λ times the distortion."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, get_args

import torch
from pytorch_msssim import ms_ssim
from torch import Tensor
from torch.nn import functional as F

from pytest_lic.errors import UsageError

Distortion = Literal["mse", "ms-ssim", "mae", "laplace"]


class Loss(NamedTuple):
    """One batch's loss and its parts.

    Args:
        total: of `rate_distortion_loss`.
        bpp: estimated rate in bits per pixel.
        distortion: MSE or mean absolute error of RGB in [0, 1], or 1 − MS-SSIM.
    """

    total: Tensor
    bpp: Tensor
    distortion: Tensor


def rate_distortion_loss(
    outputs: Mapping[str, Any],
    images: Tensor,
    lmbda: float | Tensor,
    distortion: Distortion = "mse",
    scale: Tensor | None = None,
) -> Loss:
    """The rate-distortion Lagrangian of what a codec's forward returned for ``images``.

    Ballé, Minnen, Singh, Hwang and Johnston, ICLR 2018, https://arxiv.org/abs/1802.01436.

    Args:
        outputs: ``x_hat`` and ``likelihoods``.
        images: image batch (B, 3, H, W), RGB in [0, 1].
        lmbda: λ, the weight of distortion against rate; or (B,), that of each image; or
            (B, 1, h, w), that of each region, h and w parts of H and W.
        distortion: what is added to the bpp:

            - "mse": λ · 255² · MSE.
            - "ms-ssim": λ · (1 − MS-SSIM); sides must be at least 161 pixels.
            - "mae": λ · 255 · mean absolute error.
            - "laplace": λ · (mean absolute error / γ + ln γ), the negative logarithm of a Laplace
              likelihood. A γ that is learned weighs the two by itself (Dai and Wipf, ICLR 2019,
              https://arxiv.org/abs/1903.05789, for a Gaussian one).
        scale: γ of "laplace", in units of RGB in [0, 1].

    Raises:
        UsageError: another distortion, images too small for MS-SSIM, a λ of regions for another
            than MSE, or no γ.
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
    if isinstance(lmbda, Tensor) and lmbda.ndim == 4:
        raise UsageError(
            f"model.distortion={distortion} has no λ of each region; give mse, or regions: uniform"
        )
    if distortion in ("mae", "laplace"):
        errors = (decoded - images).abs().mean((1, 2, 3))
        if distortion == "mae":
            return Loss((lmbda * 255.0 * errors).mean() + bpp, bpp, errors.mean())
        if scale is None:
            raise UsageError("model.distortion=laplace: no γ, which training alone has; give mae")
        return Loss((lmbda * (errors / scale + scale.log())).mean() + bpp, bpp, errors.mean())
    if distortion != "ms-ssim":
        expected = ", ".join(get_args(Distortion))
        raise UsageError(f"model.distortion: {distortion!r}; expected one of {expected}")
    if min(images.shape[-2:]) < 161:
        raise UsageError(
            f"model.distortion=ms-ssim needs crops of at least 161 pixels, got "
            f"{images.shape[-1]}×{images.shape[-2]}; give --data.crop_size=192"
        )
    errors = 1.0 - ms_ssim(decoded, images, data_range=1.0, size_average=False)
    return Loss((lmbda * errors).mean() + bpp, bpp, errors.mean())


def estimated_bits(likelihoods: Mapping[str, Tensor]) -> Tensor:
    """−log2 of the likelihoods, each (B, C, h, w), summed over all but the batch: (B,)."""
    nats = [-_precise(each).log().flatten(1).sum(1).float() for each in likelihoods.values()]
    return torch.stack(nats).sum(0) / math.log(2.0)


def _precise(likelihood: Tensor) -> Tensor:
    return likelihood if likelihood.dtype == torch.float64 else likelihood.float()


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
