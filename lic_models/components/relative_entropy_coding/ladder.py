"""A two-level probabilistic ladder: what is sent of a latent, and what is expected of it.

    latent y ─► N(y, σ) ───────────────► × ─► posterior of level 1 ─► draw z₁, of the latent
        │                                ▲          ‖ prior of level 1
        └► hyper-analysis ─► posterior   │            ▲
                      of level 2 ─► z₂ ──┴─► hyper-synthesis
                  ‖ N(0, 1)

Flamich, "Compression without quantization", MPhil thesis, University of Cambridge 2019, after
Sønderby, Raiko, Maaløe, Sønderby and Winther, "Ladder variational autoencoders", NIPS 2016,
https://arxiv.org/abs/1602.02282.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.distributions import Normal

from lic_models.components.bounds import within
from lic_models.components.entropy_models.base import channel_deviations
from lic_models.components.entropy_models.hyper_transforms import (
    check_hyper_transforms,
    hyper_analysis,
    hyper_size,
    hyper_synthesis,
)
from lic_models.components.transforms.mirrored import MirroredConv2d, MirroredConvTranspose2d

_LOG_RANGE = 7.0
"""Logarithms of scales are held within ± this."""
_BEGIN = math.log(1 / 12) / 2
"""σ begins as that of the noise of a unit step."""


class Ladder(nn.Module):
    """The two levels' distributions, as networks of leaky rectifiers with mirrored edges.

    Level 2 sees each channel in units of a learned scale of its own, so that it trains alike at
    every λ.

    Args:
        channels: M, of the latent.
        hyper_channels: N, of z₂ and of the layers.
        kernel_sizes: side of each layer's kernel, odd; that of the latent's layer first.

    Raises:
        UsageError: channels or kernels that make no network.
    """

    def __init__(
        self, channels: int, hyper_channels: int, kernel_sizes: tuple[int, int, int]
    ) -> None:
        super().__init__()
        check_hyper_transforms(hyper_channels, kernel_sizes)
        n, layers = hyper_channels, (MirroredConvTranspose2d, MirroredConv2d)
        self.hyper_channels = n
        self.log_scales = nn.Conv2d(channels, channels, 1)
        self.hyper_analysis = hyper_analysis(channels, n, kernel_sizes, 2 * n, MirroredConv2d)
        self.hyper_synthesis = hyper_synthesis(n, 2 * channels, kernel_sizes, layers)
        self.log_unit = nn.Parameter(torch.zeros(channels))
        with torch.no_grad():
            self.log_scales.weight.zero_()
            self.log_scales.bias.fill_(_BEGIN)  # type: ignore[union-attr]

    @torch.no_grad()
    def fit(self, latents: Tensor) -> None:
        """Start from priors as wide as the channels of ``latents`` (B, M, h, w), about their means.

        Raises:
            UsageError: a single latent a channel.
        """
        deviations = channel_deviations(latents).clamp(min=1e-4)
        self.log_unit.copy_(deviations.log())
        last = self.hyper_synthesis[-1]
        last.bias.zero_()
        last.bias[: latents.size(1)] = latents.mean((0, 2, 3)) / deviations

    def second_posterior(self, latents: Tensor) -> Normal:
        """Of z₂, (B, N, ⌈h / 4⌉, ⌈w / 4⌉), for latents (B, M, h, w); its prior is N(0, 1)."""
        means, log_scales = self.hyper_analysis(latents / self._unit).chunk(2, 1)
        return _normal(means, log_scales)

    def second_size(self, size: tuple[int, int]) -> tuple[int, int, int]:
        """(N, ⌈h / 4⌉, ⌈w / 4⌉) of a latent of (h, w)."""
        return (self.hyper_channels, *hyper_size(size))

    def first_prior(self, second: Tensor, size: tuple[int, int]) -> Normal:
        """Of z₁, (B, M, h, w), from a draw z₂ and (h, w)."""
        features = self.hyper_synthesis(second)[..., : size[0], : size[1]]
        means, log_scales = features.chunk(2, 1)
        return _normal(means * self._unit, log_scales + self.log_unit[:, None, None])

    def first_posterior(self, latents: Tensor, prior: Normal) -> Normal:
        """Of z₁: the latents, and their prior, each weighted by its precision."""
        own = _normal(latents, self.log_scales(latents / self._unit))
        precision, expected = own.scale**-2, prior.scale**-2
        share = precision / (precision + expected)
        means = prior.mean + share * (own.mean - prior.mean)
        return Normal(means, (precision + expected).rsqrt(), validate_args=False)

    @property
    def _unit(self) -> Tensor:
        return self.log_unit.exp()[:, None, None]


def _normal(means: Tensor, log_scales: Tensor) -> Normal:
    return Normal(means, within(log_scales, -_LOG_RANGE, _LOG_RANGE).exp(), validate_args=False)
