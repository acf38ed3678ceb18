"""Attention of positions to those that are decoded already, and where these are from them."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_UNSEEN = -1e9  # a score that counts for nothing
_STEEP = 8.0  # a score counts in full from 1/8 above the first left out


def attend(
    queries: Tensor, keys: Tensor, values: Tensor, bias: Tensor, seen: Tensor, most: int | None
) -> Tensor:
    """Values, weighed by the exponentials of scores; one more score, of 0, is for nothing at all.

    So where nothing is seen yet, zero comes out. With ``most``, only as many of the highest scores
    count. A choice is a jump: where the last score chosen and the first left out are equal up to
    rounding, encoder and decoder could choose differently. A grid of scores would only move that
    to the edges of its cells. Here nothing jumps: a weight falls linearly to 0 while its score
    falls from 1/8 above the first score left out down to that, so which of two equal ones is
    chosen does not matter. The first score left out weighs for nothing at all where it is above 0;
    so weights never have a sum near 0, by which rounding would grow.

    Args:
        queries: (…, n, d).
        keys: (…, k, d).
        values: (…, k, d).
        bias: what scores begin with, broadcast to (…, n, k).
        seen: bool, which keys a query sees, broadcast to (…, n, k).
        most: how many keys count at most; None for all.

    Returns:
        (…, n, d).
    """
    queries = queries / queries.size(-1) ** 0.5
    scores = queries @ keys.transpose(-1, -2) + bias.masked_fill(~seen, _UNSEEN)
    nothing = scores.new_zeros(*scores.shape[:-1], 1)
    if most is None or keys.size(-2) <= most:
        return torch.cat([scores, nothing], -1).softmax(-1)[..., :-1] @ values
    ranked = scores.detach().topk(most + 1, sorted=False).values
    highest, left_out = ranked.amax(-1, True).clamp(min=0), ranked.amin(-1, True)
    weights = (scores - highest).exp() * ((scores - left_out) * _STEEP).clamp(max=1).relu()
    nothing = (left_out.clamp(min=0) - highest).exp()
    return weights @ values / (weights.sum(-1, keepdim=True) + nothing)


def diamond(queries: Tensor, keys: Tensor, radius: int) -> Tensor:
    """Where keys are from queries, as a cell of a square of side 2 · radius + 1.

    What is farther than the radius, in rows and columns together, counts as on the way there, at
    the diamond's edge.

    Args:
        queries: rows and columns, int64 (n, 2).
        keys: rows and columns, int64 (k, 2).
        radius: of the diamond.

    Returns:
        int64 (n, k), the cells counted through.
    """
    apart = keys - queries[:, None]
    steps = apart.abs().sum(-1, keepdim=True).clamp(min=radius)
    row, column = torch.div(apart * radius, steps, rounding_mode="trunc").unbind(-1)
    return (row + radius) * (2 * radius + 1) + column + radius


class AttentionLayer(nn.Module):
    """One layer of a transformer, whose keys are of other tokens than its queries.

    Args:
        hidden: d, channels of a token.
        heads: how many attend side by side, each with d / heads channels.
        radius: of the diamond of relative positions, each of which has its bias.
        most: how many keys count at most; None for all.
    """

    def __init__(self, hidden: int, heads: int, radius: int, most: int | None) -> None:
        super().__init__()
        self.heads, self.radius, self.most = heads, radius, most
        self.norm_queries, self.norm_keys = nn.LayerNorm(hidden), nn.LayerNorm(hidden)
        self.queries, self.joined = nn.Linear(hidden, hidden), nn.Linear(hidden, hidden)
        self.keys_values = nn.Linear(hidden, 2 * hidden)
        self.alone = nn.Sequential(
            nn.LayerNorm(hidden),
            nn.Linear(hidden, 2 * hidden),
            nn.GELU(),
            nn.Linear(2 * hidden, hidden),
        )
        reach = torch.arange(-radius, radius + 1).abs()
        steps = (reach[:, None] + reach).reshape(-1, 1).float()
        self.bias = nn.Parameter(-steps.repeat(1, heads) / 2)  # near ones count most to begin with

    def keys(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values, (…, heads, k, d / heads) both, of tokens (…, k, d)."""
        keys, values = self.keys_values(self.norm_keys(tokens)).chunk(2, -1)
        return self._split(keys), self._split(values)

    def forward(
        self,
        tokens: Tensor,
        keys: tuple[Tensor, Tensor],
        where: tuple[Tensor, Tensor],
        seen: Tensor,
    ) -> Tensor:
        """Tokens (…, n, d) after the layer.

        Args:
            tokens: (…, n, d).
            keys: what `keys` gave for those that are attended to.
            where: rows and columns of tokens, (n, 2), and of keys, (k, 2).
            seen: bool, which keys a token sees, broadcast to (…, heads, n, k).
        """
        bias = F.embedding(diamond(*where, self.radius), self.bias).permute(2, 0, 1)
        queries = self._split(self.queries(self.norm_queries(tokens)))
        attended = attend(queries, *keys, bias, seen, self.most)
        tokens = tokens + self.joined(attended.transpose(-2, -3).flatten(-2))
        told: Tensor = self.alone(tokens)
        return tokens + told

    def _split(self, tokens: Tensor) -> Tensor:
        return tokens.unflatten(-1, (self.heads, -1)).transpose(-2, -3)
