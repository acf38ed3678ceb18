"""Layers that halve and double sides by space-to-depth, which loses no sample on the way.

    halving    k × k ─► space-to-depth ─► 1 × 1 ─► 1 × 1, 1 × 1
    doubling   1 × 1, 1 × 1 ─► 1 × 1 ─► depth-to-space ─► k × k

A convolution of stride 2 is one of these, whose first 1 × 1 convolution takes one sample of four.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def halved(size: tuple[int, int]) -> tuple[int, int]:
    """The size that `halving` makes of (h, w)."""
    return -(-size[0] // 2), -(-size[1] // 2)


def halving(channels: int, kernel_size: int) -> nn.Sequential:
    """(B, N, h, w) → (B, N, ⌈h / 2⌉, ⌈w / 2⌉)."""
    return nn.Sequential(
        nn.Conv2d(channels, channels, kernel_size, padding=kernel_size // 2),
        _SpaceToDepth(),
        nn.Conv2d(4 * channels, channels, 1),
        _Pointwise(channels),
    )


def doubling(channels: int, kernel_size: int) -> nn.Sequential:
    """(B, N, h, w) → (B, N, 2 h, 2 w)."""
    return nn.Sequential(
        _Pointwise(channels),
        nn.Conv2d(channels, 4 * channels, 1),
        nn.PixelShuffle(2),
        nn.Conv2d(channels, channels, kernel_size, padding=kernel_size // 2),
    )


def halving_like(weight: Tensor, bias: Tensor) -> dict[str, Tensor]:
    """A fresh `halving`'s weights with which it is a convolution of stride 2.

    Args:
        weight: (N, N, k, k), of ``nn.Conv2d(N, N, k, 2, k // 2)``.
        bias: (N,).
    """
    first = _first_of_four(len(weight)).to(weight)
    zeros = torch.zeros_like(bias)
    return {"0.weight": weight, "0.bias": bias, "2.weight": first, "2.bias": zeros}


def doubling_like(weight: Tensor, bias: Tensor) -> dict[str, Tensor]:
    """A fresh `doubling`'s weights with which it is a transposed convolution of stride 2.

    Args:
        weight: (N, N, k, k), of ``nn.ConvTranspose2d(N, N, k, 2, k // 2, output_padding=1)``.
        bias: (N,).
    """
    first = _first_of_four(len(weight)).to(weight).transpose(0, 1).contiguous()
    turned = weight.flip(2, 3).transpose(0, 1).contiguous()
    zeros = bias.new_zeros(4 * len(bias))
    return {"1.weight": first, "1.bias": zeros, "3.weight": turned, "3.bias": bias}


def _first_of_four(channels: int) -> Tensor:
    """(N, 4N, 1, 1): what takes the upper left of four samples."""
    return torch.eye(channels).repeat_interleave(4, 1)[..., None, None] * torch.tensor(
        [1.0, 0.0, 0.0, 0.0]
    ).repeat(channels).reshape(1, -1, 1, 1)


class _SpaceToDepth(nn.Module):
    """(B, C, h, w) → (B, 4C, ⌈h / 2⌉, ⌈w / 2⌉); beyond an odd side lie zeros."""

    def forward(self, samples: Tensor) -> Tensor:
        height, width = samples.shape[-2:]
        return F.pixel_unshuffle(F.pad(samples, (0, width % 2, 0, height % 2)), 2)


class _Pointwise(nn.Module):
    """Two 1 × 1 convolutions, added to what they see; at first they add nothing."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        last = nn.Conv2d(2 * channels, channels, 1)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.layers = nn.Sequential(nn.Conv2d(channels, 2 * channels, 1), nn.LeakyReLU(), last)

    def forward(self, samples: Tensor) -> Tensor:
        added: Tensor = samples + self.layers(samples)
        return added
