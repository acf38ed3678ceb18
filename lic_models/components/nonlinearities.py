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

from pytest_lic.errors import UsageError

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

    @abstractmethod
    def start_linear(self, low: Tensor) -> None:
        """Come as near to the identity as possible, so that training starts from a linear codec.

        Args:
            low: (C,), below which a channel's input rarely falls.
        """


class _Divisive(Nonlinearity):
    """A layer of CompressAI's, whose weights γ ≥ 0 mix the channels in the denominator."""

    layer: layers.GDN

    def forward(self, features: Tensor) -> Tensor:
        """Features (B, C, h, w), normalised; of the same shape."""
        normalised: Tensor = self.layer(features)
        return normalised

    def start_linear(self, low: Tensor) -> None:
        """Nearly no division: γ of 1e-5 on the diagonal, β of 1."""
        _start_undivided(self.layer)


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
    def start_linear(self, low: Tensor) -> None:
        """No mean, and nearly no division."""
        _start_undivided(self.divisor)
        self.mean_weight.zero_()
        self.mean_bias.zero_()


class ReLU(Nonlinearity):
    """max(x, θ), a rectifier whose threshold θ is learned for each channel; 0 at first.

    max(x, θ) = relu(x − θ) + θ, and the layers around it have biases: nothing that a plain ReLU
    could not do. But what lies above a low threshold passes as it is, so that layers see inputs
    around zero (the next one's padding too) even where the rectifier begins nearly linear. With
    the inputs lifted by biases instead, fp-relu at λ = 0.025 was further off after 5,000 steps than
    it now is after 1,000.

    Nair and Hinton, "Rectified linear units improve restricted Boltzmann machines", ICML 2010.
    """

    slope = 0.0

    def __init__(self, channels: int, inverse: bool = False) -> None:
        super().__init__(channels, inverse)
        self.threshold = nn.Parameter(torch.zeros(channels))

    def forward(self, features: Tensor) -> Tensor:
        """Features (B, C, h, w), rectified; of the same shape."""
        threshold = self.threshold[:, None, None]
        if not self.slope:
            return torch.maximum(features, threshold)
        return torch.maximum(features, threshold + self.slope * (features - threshold))

    @torch.no_grad()
    def start_linear(self, low: Tensor) -> None:
        """The threshold where inputs rarely fall below it."""
        self.threshold.copy_(low)


class LeakyReLU(ReLU):
    """x above a learned threshold θ, and θ + ``slope`` · (x − θ) below; see `ReLU`.

    Maas, Hannun and Ng, "Rectifier nonlinearities improve neural network acoustic models", ICML
    Workshop 2013.

    Args:
        channels: C.
        inverse: makes no difference.
        slope: below the threshold, from 0 to 1.

    Raises:
        UsageError: a slope outside its range.
    """

    def __init__(self, channels: int, inverse: bool = False, slope: float = 0.01) -> None:
        super().__init__(channels, inverse)
        if not 0.0 <= slope <= 1.0:
            raise UsageError(f"slope is {slope}; expected 0 to 1")
        self.slope = slope


@torch.no_grad()
def _start_undivided(layer: layers.GDN) -> None:
    # Not zero, where the gradient of the parametrisation of γ nearly vanishes.
    gamma = _NEARLY_ZERO * torch.eye(len(layer.beta)).to(layer.gamma)
    layer.gamma.copy_(layer.gamma_reparam.init(gamma))
    layer.beta.copy_(layer.beta_reparam.init(torch.ones_like(layer.beta)))
