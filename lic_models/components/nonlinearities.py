"""What stands between the layers of a transform: divisive normalisations and rectifiers.

Every class takes and returns features (B, C, h, w) and is built as ``Class(channels, inverse)``;
with ``inverse`` it is the one that the synthesis uses. The divisive ones only approximate each
other's inverse, as in their papers: both are learned, each on its own side.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from compressai import layers
from torch import Tensor, nn
from torch.nn import functional as F

_NEARLY_ZERO = 1e-5


class Nonlinearity(nn.Module, ABC):
    """Base of the non-linearities.

    Args:
        channels: C.
        inverse: the one of the synthesis.
    """

    def __init__(self, channels: int, inverse: bool = False) -> None:
        super().__init__()
        self.channels = channels
        self.inverse = inverse

    @abstractmethod
    def forward(self, features: Tensor) -> Tensor:
        """Features (B, C, h, w) to features of the same shape."""

    def start_linear(self, low: Tensor) -> Tensor:
        """Come as near to the identity as possible, so that training starts from a linear codec.

        Args:
            low: (C,), below which a channel's input rarely falls.

        Returns:
            (C,), what has to be added to the input for it to pass unchanged; zeros by default.
        """
        return torch.zeros_like(low)


class _Divisive(Nonlinearity):
    """A layer of CompressAI's, whose weights γ ≥ 0 mix the channels in the denominator."""

    layer: layers.GDN

    def forward(self, features: Tensor) -> Tensor:
        """Features (B, C, h, w), normalised; of the same shape."""
        normalised: Tensor = self.layer(features)
        return normalised

    def start_linear(self, low: Tensor) -> Tensor:
        """Nearly no division: γ of 1e-5 on the diagonal, β of 1."""
        _start_undivided(self.layer)
        return torch.zeros_like(low)


class GDN(_Divisive):
    """Generalized divisive normalization, x_i / √(β_i + Σ_j γ_ij x_j²); the inverse multiplies.

    Ballé, Laparra and Simoncelli, "Density modeling of images using a generalized normalization
    transformation", ICLR 2016, https://arxiv.org/abs/1511.06281.
    """

    def __init__(self, channels: int, inverse: bool = False) -> None:
        super().__init__(channels, inverse)
        self.layer = layers.GDN(channels, inverse=inverse)


class OneDN(_Divisive):
    """1DN, GDN without squares and root: x_i / (β_i + Σ_j γ_ij |x_j|); the inverse multiplies.

    Johnston, Eban, Gordon and Ballé, "Computationally efficient neural image compression", 2019,
    https://arxiv.org/abs/1912.08771.
    """

    def __init__(self, channels: int, inverse: bool = False) -> None:
        super().__init__(channels, inverse)
        self.layer = layers.GDN1(channels, inverse=inverse)


class GSDN(Nonlinearity):
    """Generalized subtractive and divisive normalization: what the neighbours predict is taken off.

    (x_i − ν_i − Σ_j τ_ij x_j) / √(β_i + Σ_j γ_ij x_j²), and in the synthesis
    x_i · √(β_i + Σ_j γ_ij x_j²) + ν_i + Σ_j τ_ij x_j, with weights of its own. ν and τ begin at 0
    and may take either sign.

    Qian et al., "Learning accurate entropy model with global reference for image compression",
    ICLR 2021, https://arxiv.org/abs/2010.08321.
    """

    def __init__(self, channels: int, inverse: bool = False) -> None:
        super().__init__(channels, inverse)
        self.divisor = layers.GDN(channels, inverse=inverse)
        self.mean_weight = nn.Parameter(torch.zeros(channels, channels))
        self.mean_bias = nn.Parameter(torch.zeros(channels))

    def forward(self, features: Tensor) -> Tensor:
        """Features (B, C, h, w), normalised; of the same shape."""
        mean = F.conv2d(features, self.mean_weight[:, :, None, None], self.mean_bias)
        divisor = self.divisor
        beta: Tensor = divisor.beta_reparam(divisor.beta)
        gamma: Tensor = divisor.gamma_reparam(divisor.gamma)
        energy = F.conv2d(features * features, gamma[:, :, None, None], beta)
        if self.inverse:
            return features * energy.sqrt() + mean
        return (features - mean) * energy.rsqrt()

    @torch.no_grad()
    def start_linear(self, low: Tensor) -> Tensor:
        """No mean, and nearly no division."""
        _start_undivided(self.divisor)
        self.mean_weight.zero_()
        self.mean_bias.zero_()
        return torch.zeros_like(low)


class ReLU(Nonlinearity):
    """x where x > 0, else 0; the same function in the synthesis.

    Nair and Hinton, "Rectified linear units improve restricted Boltzmann machines", ICML 2010.
    """

    def forward(self, features: Tensor) -> Tensor:
        """Features (B, C, h, w), rectified; of the same shape."""
        return F.relu(features)

    def start_linear(self, low: Tensor) -> Tensor:
        """As much as lifts nearly all inputs above zero."""
        return (-low).clamp(min=0.0)


class LeakyReLU(ReLU):
    """x where x > 0, else ``slope`` · x; the same function in the synthesis.

    Maas, Hannun and Ng, "Rectifier nonlinearities improve neural network acoustic models", ICML
    Workshop 2013.

    Args:
        channels: C.
        inverse: makes no difference.
        slope: for negative x.
    """

    def __init__(self, channels: int, inverse: bool = False, slope: float = 0.01) -> None:
        super().__init__(channels, inverse)
        self.slope = slope

    def forward(self, features: Tensor) -> Tensor:
        """Features (B, C, h, w), rectified; of the same shape."""
        return F.leaky_relu(features, self.slope)


@torch.no_grad()
def _start_undivided(layer: layers.GDN) -> None:
    # Not zero, where the gradient of the parametrisation of γ nearly vanishes.
    gamma = _NEARLY_ZERO * torch.eye(len(layer.beta)).to(layer.gamma)
    layer.gamma.copy_(layer.gamma_reparam.init(gamma))
    layer.beta.copy_(layer.beta_reparam.init(torch.ones_like(layer.beta)))
