"""Non-linearities between the layers of a transform: divisive normalisations and rectifiers.

Every class takes and returns features (B, C, h, w) and is built as ``Class(channels, inverse)``;
with ``inverse`` it is the one that the synthesis uses. The divisive ones only approximate each
other's inverse, as in their papers: both are learned, each on its own side.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lic_models.components.bounds import LowerBound
from pytest_lic.errors import UsageError

_NEARLY_ZERO = 1e-5
_PEDESTAL = 2.0**-36


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


class _NonNegative(nn.Module):
    """A weight of at least ``least``, and the parameter p that holds it: max(p, √(least + ε))² − ε.

    ε = 2⁻³⁶ keeps the gradient of a weight of 0 from vanishing.
    """

    pedestal: Tensor

    def __init__(self, least: float = 0.0) -> None:
        super().__init__()
        self.register_buffer("pedestal", torch.tensor([_PEDESTAL]))
        self.lower_bound = LowerBound(math.sqrt(least + _PEDESTAL))

    def forward(self, parameter: Tensor) -> Tensor:
        weight: Tensor = self.lower_bound(parameter) ** 2 - self.pedestal
        return weight

    def parameter(self, weight: Tensor) -> Tensor:
        return torch.maximum(weight + self.pedestal, self.pedestal).sqrt()


class _Divisor(nn.Module):
    """β_i + Σ_j γ_ij u_j, with learned β > 0 and γ ≥ 0.

    The names of parameters and buffers are those of CompressAI's ``GDN``.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.beta_reparam = _NonNegative(1e-6)
        self.beta = nn.Parameter(self.beta_reparam.parameter(torch.ones(channels)))
        self.gamma_reparam = _NonNegative()
        self.gamma = nn.Parameter(self.gamma_reparam.parameter(0.1 * torch.eye(channels)))

    def forward(self, u: Tensor) -> Tensor:
        gamma: Tensor = self.gamma_reparam(self.gamma)
        return F.conv2d(u, gamma[:, :, None, None], self.beta_reparam(self.beta))

    @torch.no_grad()
    def start_undivided(self) -> None:
        """Nearly no division: γ of 1e-5 on the diagonal, β of 1."""
        # Not zero, where the gradient of the parametrisation of γ nearly vanishes.
        gamma = _NEARLY_ZERO * torch.eye(len(self.beta)).to(self.gamma)
        self.gamma.copy_(self.gamma_reparam.parameter(gamma))
        self.beta.copy_(self.beta_reparam.parameter(torch.ones_like(self.beta)))


class GDN(Nonlinearity):
    """Generalized divisive normalization, x_i / √(β_i + Σ_j γ_ij x_j²); the inverse multiplies.

    Ballé, Laparra and Simoncelli, "Density modeling of images using a generalized normalization
    transformation", ICLR 2016, https://arxiv.org/abs/1511.06281.
    """

    def __init__(self, channels: int, inverse: bool = False) -> None:
        super().__init__(channels, inverse)
        self.layer = _Divisor(channels)

    def forward(self, features: Tensor) -> Tensor:
        """Features (B, C, h, w), normalised; of the same shape."""
        energy: Tensor = self.layer(features**2)
        return features * (energy.sqrt() if self.inverse else energy.rsqrt())

    def start_linear(self, low: Tensor) -> None:
        """Nearly no division."""
        self.layer.start_undivided()


class OneDN(GDN):
    """1DN, GDN without squares and root: x_i / (β_i + Σ_j γ_ij |x_j|); the inverse multiplies.

    Johnston, Eban, Gordon and Ballé, "Computationally efficient neural image compression", 2019,
    https://arxiv.org/abs/1912.08771.
    """

    def forward(self, features: Tensor) -> Tensor:
        """Features (B, C, h, w), normalised; of the same shape."""
        magnitude: Tensor = self.layer(features.abs())
        return features * (magnitude if self.inverse else 1.0 / magnitude)


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
        self.divisor = _Divisor(channels)
        self.mean_weight = nn.Parameter(torch.zeros(channels, channels))
        self.mean_bias = nn.Parameter(torch.zeros(channels))

    def forward(self, features: Tensor) -> Tensor:
        """Features (B, C, h, w), normalised; of the same shape."""
        mean = F.conv2d(features, self.mean_weight[:, :, None, None], self.mean_bias)
        energy: Tensor = self.divisor(features * features)
        if self.inverse:
            return features * energy.sqrt() + mean
        return (features - mean) * energy.rsqrt()

    @torch.no_grad()
    def start_linear(self, low: Tensor) -> None:
        """No mean, and nearly no division."""
        self.divisor.start_undivided()
        self.mean_weight.zero_()
        self.mean_bias.zero_()


class ReLU(Nonlinearity):
    """max(x, θ), a rectifier whose threshold θ is learned for each channel; 0 at first.

    max(x, θ) = relu(x − θ) + θ, and the layers around it have biases: nothing that a plain ReLU
    could not do. But what lies above a low threshold passes as it is, so that layers see inputs
    around zero (the next one's padding too) even where the rectifier begins nearly linear. With
    the inputs lifted by biases instead, fp-relu at λ = 0.025 was further off after 5,000 steps than
    it now is after 1,000.

    Nair and Hinton, "Rectified linear units improve restricted Boltzmann machines", ICML 2010,
    https://icml.cc/Conferences/2010/papers/432.pdf.
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
    Workshop 2013, https://ai.stanford.edu/~amaas/papers/relu_hybrid_icml2013_final.pdf.

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
