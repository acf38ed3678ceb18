"""Latent residual prediction: what rounding took from a latent, guessed after decoding."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import torch
from torch import Tensor, nn


class ResidualPrediction(nn.Module):
    """Predicts what rounding took of each slice from side information and decoded slices.

    A slice sees the slices up to and with itself, and no other position. Untrained, it predicts
    zeros. What trains it is the distortion of the image, and must be: the latent's squared error
    makes it predict means, to which a transform that was trained with noise shrinks already, so
    that the latents come nearer and the image gets worse.

    Minnen and Singh, "Channel-wise autoregressive entropy models for learned image compression",
    ICIP 2020, https://arxiv.org/abs/2007.08739, where the next slices see refined ones; here it
    follows after all of them, so that the symbols stay as they are without it.

    Args:
        channels: M.
        slices: the channels of each slice, M together.
        hidden: channels of the layers between.
    """

    def __init__(self, channels: int, slices: Sequence[int], hidden: int) -> None:
        super().__init__()
        self.ends = list(accumulate(slices))
        self.networks = nn.ModuleList(
            _network(2 * channels + end, hidden, size)
            for end, size in zip(self.ends, slices, strict=True)
        )

    def forward(self, latents: Tensor, features: Tensor) -> Tensor:
        """What to add to latents (B, M, h, w), in quantisation steps, each within ±½."""
        predicted = [
            network(torch.cat([features, latents[:, :end]], 1))
            for network, end in zip(self.networks, self.ends, strict=True)
        ]
        return 0.5 * torch.cat(predicted, 1).tanh()


def _network(channels: int, hidden: int, size: int) -> nn.Sequential:
    last = nn.Conv2d(hidden, size, 1)
    nn.init.zeros_(last.weight)
    assert last.bias is not None
    nn.init.zeros_(last.bias)
    return nn.Sequential(
        nn.Conv2d(channels, hidden, 1),
        nn.LeakyReLU(),
        nn.Conv2d(hidden, hidden, 1),
        nn.LeakyReLU(),
        last,
    )
