"""Probabilities: how much of a density lies within a cell, to the digits that small ones need."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lic_models.components.bounds import at_least
from lic_models.components.entropy_coding.counts import TOTAL
from pytest_lic.errors import UsageError

LEAST_MASS = 1e-9
"""In training, as CompressAI's: keeps a latent far from all expectation from costing ∞ bits."""
LEAST_CODED_MASS = 1.0 / TOTAL
"""When coding: no entry of a frequency table, the escape's included, has less than one count."""


def check_scales(levels: int, span: tuple[float, float]) -> None:
    """Raise UsageError for scales that make no tables."""
    if not 0 < span[0] < span[1] < math.inf or levels < 2:
        raise UsageError(
            f"scale_range: {span} in {levels} scale_levels; expected 0 < smallest < largest, both "
            "finite, and at least 2 levels"
        )


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
