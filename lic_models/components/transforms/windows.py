"""Self-attention within windows, shifted or not, of features of any size."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pytest_lic.errors import UsageError

_NARROW = 0.02  # standard deviation of first weights


class WindowAttention(nn.Module):
    """Multi-head self-attention of tokens (B, h, w, C) within windows of s × s of them.

    softmax(q kᵀ / √d + bias) v in each window and head, where the bias is learned for each head and
    each position of a key relative to its query. Liu et al., "Swin transformer: hierarchical vision
    transformer using shifted windows", ICCV 2021, https://arxiv.org/abs/2103.14030.

    Windows begin at the tokens' upper left corner, or ``shift`` before it. What of them reaches
    beyond the tokens is seen by none. So shifted windows are smaller at all four borders: what
    Swin's cyclic shift with its mask comes to, where it is told apart what is not adjacent.

    Args:
        channels: C.
        heads: how many attend side by side, each with d = C / heads channels.
        window: s.
        shift: by how much windows begin before the tokens, 0 to s − 1.

    Raises:
        UsageError: heads that do not divide the channels, or a window below 2.
    """

    places: Tensor

    def __init__(self, channels: int, heads: int, window: int, shift: int = 0) -> None:
        super().__init__()
        if heads < 1 or channels % heads:
            raise UsageError(f"heads: {heads}; expected a divisor of the {channels} channels")
        if window < 2:
            raise UsageError(f"window: {window}; expected at least 2")
        self.heads, self.window, self.shift = heads, window, shift
        self.queries_keys_values = _narrow_linear(channels, 3 * channels)
        self.joined = _narrow_linear(channels, channels)
        self.bias = nn.Parameter(torch.empty((2 * window - 1) ** 2, heads))
        nn.init.trunc_normal_(self.bias, std=_NARROW)
        self.register_buffer("places", _relative_places(window), persistent=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """What each token (B, h, w, C) is told by those of its window; of the same shape."""
        height, width = tokens.shape[1:3]
        queries, keys, values = self._windows(self.queries_keys_values(tokens)).chunk(3, -1)
        present = self._windows(tokens.new_ones(1, height, width, self.heads))[..., 0] > 0
        bias = F.embedding(self.places, self.bias).permute(2, 0, 1)
        bias = bias.masked_fill(~present[..., None, :], -torch.inf)
        scores = queries * queries.size(-1) ** -0.5 @ keys.transpose(-1, -2) + bias
        joined: Tensor = self.joined(self._tokens(scores.softmax(-1) @ values, height, width))
        return joined

    def _windows(self, tokens: Tensor) -> Tensor:
        """Tokens (B, h, w, heads · c) in windows, zeros beyond: (B, down, across, heads, s², c)."""
        side, padding = self.window, []
        for length in (tokens.size(2), tokens.size(1)):
            padding += [self.shift, -(self.shift + length) % side]
        padded = F.pad(tokens, [0, 0, *padding])
        windows = padded.unflatten(2, (-1, side)).unflatten(1, (-1, side)).transpose(2, 3)
        return windows.flatten(3, 4).unflatten(-1, (self.heads, -1)).transpose(3, 4)

    def _tokens(self, windows: Tensor, height: int, width: int) -> Tensor:
        """The way back, to (B, h, w, heads · c)."""
        side, first = self.window, self.shift
        tokens = windows.transpose(3, 4).flatten(-2).unflatten(3, (side, side)).transpose(2, 3)
        tokens = tokens.flatten(3, 4).flatten(1, 2)
        return tokens[:, first : first + height, first : first + width]


def _narrow_linear(inner: int, outer: int) -> nn.Linear:
    """A layer that begins with narrow weights and no bias, as Swin's do."""
    layer = nn.Linear(inner, outer)
    nn.init.trunc_normal_(layer.weight, std=_NARROW)
    nn.init.zeros_(layer.bias)
    return layer


def _relative_places(window: int) -> Tensor:
    """Where a key is from its query, counted through: int64 (s², s²)."""
    rows, columns = torch.ones(window, window).nonzero(as_tuple=True)
    down, across = (place[None] - place[:, None] + window - 1 for place in (rows, columns))
    return down * (2 * window - 1) + across
