"""Residual neighbourhood attention: each position attends to the square of positions around it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lic_models.components.nonlinearities import GDN, Nonlinearity
from lic_models.components.transforms.base import Transform, Width, channels_of
from lic_models.components.transforms.strided import strided_layers
from lic_models.components.transforms.transformer_block import TransformerBlock
from pytest_lic.errors import UsageError

_TILE = 8


class NeighbourhoodAttention(nn.Module):
    """Attention of every position to the k × k positions around it.

    At a border the square is moved inwards, so that it always has k × k positions; in features
    smaller than that it is what there is. How far a position is down and across adds to its score.

    Scores are computed tile by tile, of a tile's positions with the 7 + k rows and columns that
    hold all of their squares, and those outside of a position's own square are left out: a few
    more products of matrices, and far fewer copies than a square for every position takes.

    Args:
        channels: C.
        size: k, odd.
        heads: of attention, a divisor of C.
    """

    def __init__(self, channels: int, size: int, heads: int) -> None:
        super().__init__()
        self.size, self.heads = size, heads
        self.queries, self.joined = nn.Linear(channels, channels), nn.Linear(channels, channels)
        self.keys_values = nn.Linear(channels, 2 * channels)
        self.nearness = nn.Parameter(torch.zeros(heads, 2 * size - 1, 2 * size - 1))

    def forward(self, tokens: Tensor) -> Tensor:
        """Features with their channels last, (B, h, w, C), to what is attended to."""
        height, width, channels = tokens.shape[1:]
        queries = self.queries(tokens) * (channels // self.heads) ** -0.5
        queries = F.pad(queries, [0, 0, 0, -width % _TILE, 0, -height % _TILE])
        queries = queries.unflatten(2, (-1, _TILE)).unflatten(1, (-1, _TILE))
        across = _Squares(width, self.size, tokens.device)
        down = _Squares(height, self.size, tokens.device)
        told = self.keys_values(tokens)
        bands = []
        for index, top in enumerate(down.starts):  # a row of tiles at once, whatever the height
            band = told[:, top : top + down.together].index_select(2, across.keys.flatten())
            band = band.unflatten(2, across.keys.shape).movedim(2, 1).flatten(2, 3)
            keys, values = band.unflatten(3, (2, self.heads, -1)).permute(3, 0, 1, 4, 2, 5)
            asking = queries[:, index].movedim(2, 1).flatten(2, 3)
            asking = asking.unflatten(3, (self.heads, -1)).transpose(2, 3)
            bias = self._bias(down.distances[index], across.distances)
            weights = (asking @ keys.transpose(-1, -2) + bias).softmax(-1)
            attended = (weights @ values).transpose(2, 3).flatten(3)
            bands.append(attended.unflatten(2, (_TILE, _TILE)).transpose(1, 2).flatten(2, 3))
        joined: Tensor = self.joined(torch.cat(bands, 1)[:, :height, :width])
        return joined

    def _bias(self, down: Tensor, across: Tensor) -> Tensor:
        """What distances add to scores in a row of tiles, (tiles, heads, positions, keys)."""
        rows, columns = down[None, :, None, :, None], across[:, None, :, None, :]
        outside = (rows.abs() >= self.size) | (columns.abs() >= self.size)
        middle = self.size - 1
        places = [distance.clamp(-middle, middle) + middle for distance in (rows, columns)]
        bias = self.nearness[:, *places].masked_fill(outside, -torch.inf)
        return bias.flatten(4).flatten(2, 3).movedim(0, 1)


class _Squares:
    """Along one axis: the keys of each tile, and how far they are from each of its positions.

    Attributes:
        starts: the first key of each tile.
        together: how many keys a tile has, in a row.
        keys: their places (tiles, together).
        distances: (tiles, 8, together), k for those outside of a position's square.
    """

    def __init__(self, length: int, size: int, device: torch.device) -> None:
        side, self.together = min(size, length), min(_TILE - 1 + size, length)
        tiles = range(0, length, _TILE)
        self.starts = [min(max(tile - size // 2, 0), length - self.together) for tile in tiles]
        begin = torch.tensor(self.starts, device=device)[:, None]
        self.keys = begin + torch.arange(self.together, device=device)
        positions = torch.arange(len(tiles) * _TILE, device=device).reshape(-1, _TILE)
        keys = self.keys[:, None, :]
        first = (positions - size // 2).clamp(0, length - side)[:, :, None]
        inside = (keys >= first) & (keys < first + side)
        self.distances = torch.where(inside, keys - positions[:, :, None], size)
        # Positions beyond the last are cut off again; any distance that gives a number will do.
        self.distances[positions >= length] = 0


class NeighbourhoodAttentionTransform(Transform):
    """`ConvolutionalTransform` with residual neighbourhood attention at H/4 and at H/8.

    Lu and Ma, "High-efficiency lossy image coding through adaptive neighborhood
    information aggregation" (TinyLIC), 2022, https://arxiv.org/abs/2204.11448.

    Args:
        width: sets N and M: pico (32, 48), small (128, 192) or large (192, 320).
        channels: N, channels between the layers, if not the width's.
        latent_channels: M, if not the width's.
        nonlinearity: its class; the N channels and ``inverse`` are given to it.
        kernel_sizes: side of each strided layer's kernel, odd; that of the image's layer first.
        neighbourhood_size: side of the square that is attended to, odd.
        heads: of attention, a divisor of N.

    Raises:
        UsageError: a width, channels, heads, kernels or a square that make no transform.
    """

    def __init__(
        self,
        width: Width = "pico",
        channels: int | None = None,
        latent_channels: int | None = None,
        nonlinearity: Callable[[int, bool], Nonlinearity] = GDN,
        kernel_sizes: Sequence[int] = (5, 5, 5, 5),
        neighbourhood_size: int = 7,
        heads: int = 4,
    ) -> None:
        n, m = channels_of(type(self), width, channels, latent_channels)
        if neighbourhood_size < 3 or neighbourhood_size % 2 == 0:
            raise UsageError(
                f"neighbourhood_size: {neighbourhood_size}; expected an odd number from 3 on"
            )
        if heads < 1 or n % heads:
            raise UsageError(f"heads: {heads} of {n} channels; expected a divisor of them")
        analysis, synthesis = strided_layers(
            n,
            m,
            nonlinearity,
            kernel_sizes,
            lambda depth: (
                None
                if depth == 1
                else TransformerBlock(n, NeighbourhoodAttention(n, neighbourhood_size, heads))
            ),
        )
        super().__init__(analysis, synthesis, m, 16)
