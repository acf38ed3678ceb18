"""The last layers of a context: from what is told of a position to its corrections."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Estimator(nn.Sequential):
    """Two 1 × 1 layers, shared over positions; predicts the start until it is trained.

    Args:
        hidden: channels of what is told, and of the layer between.
        symbols: how many symbols a position has.
        start: the P corrections that are predicted untrained.
    """

    def __init__(self, hidden: int, symbols: int, start: list[float]) -> None:
        last = nn.Conv2d(hidden, len(start) * symbols, 1)
        nn.init.zeros_(last.weight)
        with torch.no_grad():
            assert last.bias is not None
            last.bias.copy_(torch.tensor(start).repeat_interleave(symbols))
        super().__init__(nn.LeakyReLU(), nn.Conv2d(hidden, hidden, 1), nn.LeakyReLU(), last)
        self.shape = (len(start), symbols)

    def forward(self, told: Tensor) -> Tensor:
        """Corrections (B, P, symbols, h, w) of what is told, (B, hidden, h, w)."""
        corrections: Tensor = super().forward(told)
        return corrections.unflatten(1, self.shape)

    def at(self, told: Tensor) -> Tensor:
        """Corrections (B, P, symbols · n) of what is told of n positions, (B, hidden, n)."""
        if not told.size(2):  # which convolutions refuse
            return told.new_zeros(len(told), self.shape[0], 0)
        return self(told[..., None]).flatten(2)
