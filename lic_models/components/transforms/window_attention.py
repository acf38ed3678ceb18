"""Attention within windows, shifted or not: what a Swin block is made of."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class WindowAttention(nn.Module):
    """Attention of every position to those of its window, and how far they are from it.

    Liu et al., "Swin transformer: hierarchical vision transformer using shifted windows", ICCV
    2021, https://arxiv.org/abs/2103.14030. Features are padded to whole windows, before the first
    row and column too where windows are shifted; nothing attends to padding.

    Args:
        channels: C.
        window: side of the windows.
        heads: of attention, a divisor of C.
        shift: how far the windows are moved up and to the left, less than their side.
    """

    def __init__(self, channels: int, window: int, heads: int, shift: int = 0) -> None:
        super().__init__()
        self.window, self.heads, self.shift = window, heads, shift
        self.queries_keys_values = nn.Linear(channels, 3 * channels)
        self.joined = nn.Linear(channels, channels)
        self.nearness = nn.Parameter(torch.zeros(heads, 2 * window - 1, 2 * window - 1))

    def forward(self, tokens: Tensor) -> Tensor:
        """Features with their channels last, (B, h, w, C), to what is attended to."""
        height, width, channels = tokens.shape[1:]
        told = self._windows(self.queries_keys_values(tokens))  # (B, down, across, n, 3C)
        queries, keys, values = told.unflatten(4, (3, self.heads, -1)).permute(4, 0, 1, 2, 5, 3, 6)
        present = self._windows(tokens.new_ones(1, height, width, 1))[..., 0] > 0
        scores = queries @ keys.transpose(-1, -2) * (channels // self.heads) ** -0.5
        scores = (scores + self._bias()).masked_fill(~present[..., None, None, :], -torch.inf)
        attended = (scores.softmax(-1) @ values).transpose(3, 4).flatten(4)
        attended = attended.unflatten(3, (self.window, self.window)).transpose(2, 3)
        whole = attended.flatten(3, 4).flatten(1, 2)
        rows, columns = (slice(self.shift, self.shift + length) for length in (height, width))
        joined: Tensor = self.joined(whole[:, rows, columns])
        return joined

    def _windows(self, tokens: Tensor) -> Tensor:
        """Tokens (B, h, w, C) in windows, (B, down, across, positions, C), padded with 0."""
        side, before = self.window, self.shift
        height, width = tokens.shape[1:3]
        padding = [0, 0, before, -(before + width) % side, before, -(before + height) % side]
        padded = F.pad(tokens, padding)
        windows = padded.unflatten(2, (-1, side)).unflatten(1, (-1, side)).transpose(2, 3)
        return windows.flatten(3, 4)

    def _bias(self) -> Tensor:
        """What distances add to scores, (heads, positions, positions)."""
        places = torch.arange(self.window, device=self.nearness.device)
        distance = places - places[:, None] + self.window - 1
        bias = self.nearness[:, distance[:, None, :, None], distance[None, :, None, :]]
        return bias.flatten(3, 4).flatten(1, 2)


class SwinBlock(nn.Module):
    """Attention in windows and then two layers of each position, both added to what they are given.

    Args:
        channels: C.
        window: side of the windows.
        heads: of attention, a divisor of C.
        shift: how far the windows are moved up and to the left.
    """

    def __init__(self, channels: int, window: int, heads: int, shift: int) -> None:
        super().__init__()
        self.norm, self.second_norm = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.attention = WindowAttention(channels, window, heads, shift)
        self.wider = nn.Linear(channels, 4 * channels)
        self.narrower = nn.Linear(4 * channels, channels)

    def forward(self, features: Tensor) -> Tensor:
        """Of the shape of what is given, (B, C, h, w)."""
        tokens = features.movedim(1, -1)
        tokens = tokens + self.attention(self.norm(tokens))
        tokens = tokens + self.narrower(F.gelu(self.wider(self.second_norm(tokens))))
        return tokens.movedim(-1, 1)
