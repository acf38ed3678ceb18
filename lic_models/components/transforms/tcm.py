"""Blocks of which one half is convolved and the other attends in windows: TCM."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lic_models.components.nonlinearities import GDN, Nonlinearity
from lic_models.components.transforms.base import Transform, Width, channels_of
from lic_models.components.transforms.strided import strided_layers
from lic_models.components.transforms.transformer_block import TransformerBlock
from lic_models.components.transforms.windows import WindowAttention
from pytest_lic.errors import UsageError


class TCMBlock(nn.Module):
    """A Transformer and a CNN side by side, each on half of the channels.

                      ┌─ C/2 ─ 3 × 3 ─ 3 × 3, residual ─┐
        C ── 1 × 1 ───┤                                 ├── 1 × 1 ── + ── C
        │             └─ C/2 ─ Swin block ──────────────┘            │
        └────────────────────────────────────────────────────────────┘

    Begins as the identity.

    Args:
        channels: C, even.
        window: side of the windows.
        heads: of attention, a divisor of C/2.
        shift: how far the windows are moved up and to the left.
    """

    def __init__(self, channels: int, window: int, heads: int, shift: int) -> None:
        super().__init__()
        half = channels // 2
        self.parted, self.joined = (
            nn.Conv2d(channels, channels, 1),
            nn.Conv2d(channels, channels, 1),
        )
        self.first, self.second = (nn.Conv2d(half, half, 3, padding=1) for _ in range(2))
        self.swin = TransformerBlock(half, WindowAttention(half, heads, window, shift), 4)
        for parameter in self.joined.parameters():
            nn.init.zeros_(parameter)

    def forward(self, features: Tensor) -> Tensor:
        """Of the shape of what is given, (B, C, h, w)."""
        convolved, attending = self.parted(features).chunk(2, 1)
        convolved = convolved + self.second(F.leaky_relu(self.first(convolved)))
        joined: Tensor = self.joined(torch.cat([convolved, self.swin(attending)], 1))
        return features + joined


class TCMTransform(Transform):
    """`ConvolutionalTransform` with two TCM blocks at H/4 and at H/8, of windows and shifted ones.

    Liu, Sun and Katto, "Learned image compression with mixed Transformer-CNN architectures", CVPR
    2023, https://arxiv.org/abs/2303.14978.

    Args:
        width: sets N and M: pico (32, 48), small (128, 192) or large (192, 320).
        channels: N, channels between the layers, even, if not the width's.
        latent_channels: M, if not the width's.
        nonlinearity: its class; the N channels and ``inverse`` are given to it.
        kernel_sizes: side of each strided layer's kernel, odd; that of the image's layer first.
        window: side of the windows that attend, even.
        heads: of attention, a divisor of N / 2.

    Raises:
        UsageError: a width, channels, heads, kernels or windows that make no transform.
    """

    def __init__(
        self,
        width: Width = "pico",
        channels: int | None = None,
        latent_channels: int | None = None,
        nonlinearity: Callable[[int, bool], Nonlinearity] = GDN,
        kernel_sizes: Sequence[int] = (5, 5, 5, 5),
        window: int = 8,
        heads: int = 2,
    ) -> None:
        n, m = channels_of(type(self), width, channels, latent_channels)
        if window < 2 or window % 2:
            raise UsageError(f"window: {window}; expected an even number from 2 on")
        if heads < 1 or n % (2 * heads):
            raise UsageError(
                f"heads: {heads} of {n} channels; expected a divisor of half the channels, which "
                "are even"
            )
        analysis, synthesis = strided_layers(
            n,
            m,
            nonlinearity,
            kernel_sizes,
            lambda depth: (
                None
                if depth == 1
                else nn.Sequential(
                    TCMBlock(n, window, heads, 0), TCMBlock(n, window, heads, window // 2)
                )
            ),
        )
        super().__init__(analysis, synthesis, m, 16)
