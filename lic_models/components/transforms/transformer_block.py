"""A transformer's block: attention of some kind, then two layers of each position alone."""

from __future__ import annotations

from torch import Tensor, nn


class TransformerBlock(nn.Module):
    """Attention, then two layers of each position alone, both added to what they are given.

    Begins as the identity.

    Args:
        channels: C.
        attention: tokens (B, h, w, C) to as many; its last layer is ``joined``.
        expansion: how many times C the hidden channels of the two layers are.
    """

    def __init__(self, channels: int, attention: nn.Module, expansion: int = 2) -> None:
        super().__init__()
        self.attention = nn.Sequential(nn.LayerNorm(channels), attention)
        self.alone = nn.Sequential(
            nn.LayerNorm(channels),
            nn.Linear(channels, expansion * channels),
            nn.GELU(),
            nn.Linear(expansion * channels, channels),
        )
        for last in (attention.joined, self.alone[3]):
            for parameter in last.parameters():
                nn.init.zeros_(parameter)

    def forward(self, features: Tensor) -> Tensor:
        """Of the shape of what is given, (B, C, h, w)."""
        tokens = features.movedim(1, -1)
        tokens = tokens + self.attention(tokens)
        tokens = tokens + self.alone(tokens)
        return tokens.movedim(-1, 1)
