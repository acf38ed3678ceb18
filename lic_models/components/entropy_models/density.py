"""One learned density per channel: its cumulative as a small monotone network, and its quantiles.

The names of parameters and buffers are those of CompressAI's ``EntropyBottleneck``: weights of the
one load into the other.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lic_models.components.bounds import LowerBound
from lic_models.components.entropy_models.masses import LEAST_MASS

START_SCALE = 10.0
"""How wide a fresh density is, in quantiser steps."""
TAIL_MASS = 1e-9
"""What lies outside the outer quantiles."""
_WIDTHS = (1, 3, 3, 3, 3, 1)
_SEARCHED = 1e5  # quantiles are looked for from −_SEARCHED to _SEARCHED


class Density(nn.Module):
    """The densities of C channels, each independent of the others.

    A channel's cumulative is sigmoid(f(x)), where f = f_5 ∘ … ∘ f_1 is monotone:
    f_k(x) = g_k(softplus(H_k) x + b_k), with g_k(x) = x + tanh(a_k) · tanh(x) and g_5 the identity.

    Ballé, Minnen, Singh, Hwang and Johnston, "Variational image compression with a scale
    hyperprior", ICLR 2018, appendix 6.1, https://arxiv.org/abs/1802.01436.

    Args:
        channels: C.

    Attributes:
        quantiles: (C, 1, 3): below the first and above the third lies half of `TAIL_MASS` each,
            the second is the median. Up to date after `find_quantiles`.
    """

    target: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        step = START_SCALE ** (1 / (len(_WIDTHS) - 1))
        self.matrices = nn.ParameterList(
            torch.full((channels, outer, inner), math.log(math.expm1(1 / step / outer)))
            for inner, outer in pairwise(_WIDTHS)
        )
        self.biases = nn.ParameterList(
            torch.empty(channels, outer, 1).uniform_(-0.5, 0.5) for outer in _WIDTHS[1:]
        )
        self.factors = nn.ParameterList(torch.zeros(channels, w, 1) for w in _WIDTHS[1:-1])
        reach = torch.tensor([-START_SCALE, 0.0, START_SCALE])
        self.quantiles = nn.Parameter(reach.repeat(channels, 1, 1))
        tail = math.log(2 / TAIL_MASS - 1)
        self.register_buffer("target", torch.tensor([-tail, 0.0, tail]))
        # Of no use here, but every weights file has them.
        self.likelihood_lower_bound = LowerBound(LEAST_MASS)
        for name in ("_offset", "_quantized_cdf", "_cdf_length"):
            self.register_buffer(name, torch.empty(0, dtype=torch.int32))

    def logits(self, values: Tensor, *, frozen: bool = False) -> Tensor:
        """f of ``values`` (C, 1, n), of the same shape.

        Args:
            values: (C, 1, n).
            frozen: let gradients pass to the values alone.
        """

        def weights(parameter: Tensor) -> Tensor:
            return parameter.detach() if frozen else parameter

        logits = values
        for index, (matrix, bias) in enumerate(zip(self.matrices, self.biases, strict=True)):
            logits = F.softplus(weights(matrix)) @ logits + weights(bias)
            if index < len(self.factors):
                factor = weights(self.factors[index])
                logits = logits + torch.tanh(factor) * torch.tanh(logits)
        return logits

    def mass(self, lower: Tensor, upper: Tensor) -> Tensor:
        """P(lower < y < upper), to the digits that small ones need.

        Args:
            lower: (B, C, h, w).
            upper: (B, C, h, w).

        Returns:
            (B, C, h, w), in [0, 1]; with gradients to the edges and to the density's parameters.
        """
        batch, channels, height, width = lower.shape
        low, high = (
            self.logits(edges.transpose(0, 1).reshape(channels, 1, -1)) for edges in (lower, upper)
        )
        # Where both are large, the difference of what is missing to 1 keeps its digits.
        sign = -torch.sign(low + high).detach()
        sign = torch.where(sign == 0, torch.ones_like(sign), sign)
        mass = (torch.sigmoid(sign * high) - torch.sigmoid(sign * low)).abs()
        return mass.reshape(channels, batch, height, width).transpose(0, 1)

    @torch.no_grad()
    def find_quantiles(self) -> None:
        """Set the quantiles to those of the density, by bisection; its parameters are finite."""
        for place, target in enumerate(self.target):
            high = torch.full_like(self.quantiles[:, :, :1], _SEARCHED)
            low = torch.where(self.logits(high) < target, high, -high)
            high = torch.where(self.logits(low) > target, low, high)
            while not torch.isclose(low, high, rtol=1e-4, atol=1e-3).all():
                middle = (low + high) / 2
                logits = self.logits(middle)
                low = torch.where(logits <= target, middle, low)
                high = torch.where(logits >= target, middle, high)
            self.quantiles[:, :, place : place + 1] = (low + high) / 2

    def quantile_loss(self) -> Tensor:
        """How far the quantiles are off, as logits; with gradients to the quantiles alone."""
        return (self.logits(self.quantiles, frozen=True) - self.target).abs().sum()
