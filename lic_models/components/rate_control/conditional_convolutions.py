"""Convolutions that are scaled and shifted for each λ, and bins of rounding that follow it."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lic_models.components.rate_control.base import CurrentLevels
from lic_models.components.rate_control.conditioned import ConditioningRateControl

_ONE = 0.5413248546129181  # its softplus is 1


class ConditionalConvolutions(ConditioningRateControl):
    """Each convolution's outputs scaled and shifted for each anchor; the bin size does the rest.

    Choi, El-Khamy and Lee, "Variable rate deep image compression with a conditional autoencoder",
    ICCV 2019, https://arxiv.org/abs/1909.04802. A level takes the layers of the nearest anchor; the
    size of the bins that latents are rounded in follows λ.

    Args:
        lambdas: λ of each anchor, rising.

    Raises:
        UsageError: as `RateControl`.
    """

    def condition(self, channels: int) -> nn.Module:
        """A scale, softplus of what is learned, and a shift of each channel and anchor."""
        return _ScaleAndShift(self.levels, len(self.lambdas), channels)


class _ScaleAndShift(nn.Module):
    def __init__(self, levels: CurrentLevels, anchors: int, channels: int) -> None:
        super().__init__()
        self.levels = levels
        self.scales = nn.Parameter(torch.full((anchors, channels), _ONE))
        self.shifts = nn.Parameter(torch.zeros(anchors, channels))

    def forward(self, features: Tensor) -> Tensor:
        nearest = self.levels.now.round().long()
        scales = F.softplus(self.scales)[nearest][:, :, None, None]
        return features * scales + self.shifts[nearest][:, :, None, None]
