"""Features of each layer multiplied by what a small network makes of λ."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lic_models.components.rate_control.base import CurrentLevels
from lic_models.components.rate_control.conditioned import ConditioningRateControl
from pytest_lic.errors import UsageError


class ModulatedAutoencoder(ConditioningRateControl):
    """What each convolution gives is multiplied, channel by channel, by a network's answer to λ.

    Yang, Herranz, van de Weijer, Iglesias Guitián, López and Mozerov, "Variable rate deep image
    compression with modulated autoencoder", IEEE Signal Processing Letters 2020,
    https://arxiv.org/abs/1912.05526: two layers with a ReLU between for each convolution, and
    an exponential, so that factors are positive. λ is the level, as a part of the highest.

    Args:
        lambdas: λ of each anchor, rising.
        hidden: numbers between the two layers.

    Raises:
        UsageError: as `RateControl`; no hidden numbers.
    """

    def __init__(self, lambdas: list[float], hidden: int = 32) -> None:
        super().__init__(lambdas)
        if hidden < 1:
            raise UsageError(f"hidden: {hidden}; expected at least 1")
        self.hidden = hidden

    def condition(self, channels: int) -> nn.Module:
        """The network of one convolution."""
        return _Modulation(self.levels, self.highest, self.hidden, channels)


class _Modulation(nn.Module):
    def __init__(self, levels: CurrentLevels, highest: float, hidden: int, channels: int) -> None:
        super().__init__()
        self.levels, self.highest = levels, highest
        self.first, self.second = nn.Linear(1, hidden), nn.Linear(hidden, channels)
        for parameter in self.second.parameters():
            nn.init.zeros_(parameter)

    def forward(self, features: Tensor) -> Tensor:
        places = (self.levels.now / self.highest)[:, None].to(self.first.weight.dtype)
        factors = self.second(torch.relu(self.first(places))).exp()
        return features * factors[:, :, None, None]
