"""An attention module of convolutions: a gate decides where features are refined, and how much.

         ┌─► three residual units ───────────────────────────► × ─┐
features ┼─► (context) ─► three residual units ─► 1 × 1 ─► σ ─┘   + ─► features
         └────────────────────────────────────────────────────────┘
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_CLOSED = -6.0  # a gate of 0.0025
_NARROW = 1e-3  # standard deviation of the gate's first weights


class GatedAttention(nn.Module):
    """Features (B, C, h, w), refined where a gate opens; of the same shape.

    The simplified attention module of Cheng, Sun, Takeuchi and Katto, "Learned image compression
    with discretized Gaussian mixture likelihoods and attention modules", CVPR 2020,
    https://arxiv.org/abs/2001.01568. The gate begins nearly closed, so that the layers around start
    as if it were not there.

    Args:
        channels: C.
        context: what the gate is given to see farther; takes and returns (B, C, h, w).
    """

    def __init__(self, channels: int, context: nn.Module | None = None) -> None:
        super().__init__()
        self.refined = nn.Sequential(*(_ResidualUnit(channels) for _ in range(3)))
        last = nn.Conv2d(channels, channels, 1)
        nn.init.normal_(last.weight, std=_NARROW)
        nn.init.constant_(last.bias, _CLOSED)
        self.gate = nn.Sequential(
            nn.Identity() if context is None else context,
            *(_ResidualUnit(channels) for _ in range(3)),
            last,
        )

    def forward(self, features: Tensor) -> Tensor:
        """Features (B, C, h, w), and what the gate lets through of the refined ones."""
        refined: Tensor = self.refined(features)
        return features + torch.sigmoid(self.gate(features)) * refined


class _ResidualUnit(nn.Module):
    """max(0, x + f(x)), f a 3 × 3 convolution of half the channels between two of 1 × 1."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = max(1, channels // 2)
        self.branch = nn.Sequential(
            nn.Conv2d(channels, half, 1),
            nn.ReLU(),
            nn.Conv2d(half, half, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(half, channels, 1),
        )

    def forward(self, features: Tensor) -> Tensor:
        return F.relu(features + self.branch(features))
