"""Probabilities: how much of a density lies within a cell, to the digits that small ones need."""

from __future__ import annotations

import math

import torch
from compressai.entropy_models import EntropyBottleneck
from compressai.ops.bound_ops import LowerBoundFunction
from torch import Tensor

from lic_models.components.entropy_coding.tables import TOTAL

LEAST_MASS = 1e-9
"""In training, as CompressAI's: keeps a latent far from all expectation from costing ∞ bits."""
LEAST_CODED_MASS = 1.0 / TOTAL
"""When coding: no entry of a frequency table, the escape's included, has less than one count."""


def density_mass(density: EntropyBottleneck, lower: Tensor, upper: Tensor) -> Tensor:
    """P(lower < y < upper) under the learned density of each channel.

    Args:
        density: of C channels.
        lower: (B, C, h, w).
        upper: (B, C, h, w).

    Returns:
        (B, C, h, w), in [0, 1]; with gradients to the edges and to the density's parameters.
    """
    batch, channels, height, width = lower.shape

    def logits(edges: Tensor) -> Tensor:
        rows = edges.transpose(0, 1).reshape(channels, 1, -1)
        found: Tensor = density._logits_cumulative(rows, stop_gradient=False)
        return found

    low, high = logits(lower), logits(upper)
    # Where both are large, the difference of what is missing to 1 keeps its digits.
    sign = -torch.sign(low + high).detach()
    sign = torch.where(sign == 0, torch.ones_like(sign), sign)
    mass = (torch.sigmoid(sign * high) - torch.sigmoid(sign * low)).abs()
    return mass.reshape(channels, batch, height, width).transpose(0, 1)


def gaussian_mass(lower: Tensor, upper: Tensor) -> Tensor:
    """P(lower < x < upper) of a standard normal x, elementwise."""
    sign = torch.where(lower + upper > 0, -1.0, 1.0).to(lower.dtype)
    root = math.sqrt(0.5)
    # erfc keeps the digits of a small tail, where 1 + erf would lose them.
    far = torch.erfc(-root * sign * upper) - torch.erfc(-root * sign * lower)
    return (0.5 * far).abs()


def likelihood(mass: Tensor, training: bool) -> Tensor:
    """``mass`` as what a symbol is rated by: at least `LEAST_MASS` or `LEAST_CODED_MASS`."""
    return at_least(mass, LEAST_MASS if training else LEAST_CODED_MASS)


def at_least(values: Tensor, bound: float) -> Tensor:
    """``values``, at least ``bound``; gradients that would raise a value still pass."""
    limit = torch.full((1,), bound, dtype=values.dtype, device=values.device)
    bounded: Tensor = LowerBoundFunction.apply(values, limit)
    return bounded


def within(values: Tensor, least: float, most: float) -> Tensor:
    """``values``, from ``least`` to ``most``; gradients that would bring one back still pass."""
    return -at_least(-at_least(values, least), -most)
