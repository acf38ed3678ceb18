"""Standard distributions, of which others are shifts and multiples: their masses and reaches."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from lic_models.components.entropy_models.masses import gaussian_mass


class Kind(NamedTuple):
    """A symmetric distribution of location 0 and scale 1.

    Attributes:
        mass: P(lower < x < upper), elementwise, with the digits that small ones need.
        cumulative: P(x < z) of one number.
        reach: how many scales a table spans on either side: what lies beyond, 2e-6 of the mass,
            costs fewer bits as escapes than a count for each symbol there would take.
    """

    mass: Callable[[Tensor, Tensor], Tensor]
    cumulative: Callable[[float], float]
    reach: float


def _laplace_mass(lower: Tensor, upper: Tensor) -> Tensor:
    near = torch.minimum(lower.abs(), upper.abs())
    far = torch.maximum(lower.abs(), upper.abs())
    beside = 0.5 * (torch.exp(-near) - torch.exp(-far))
    across = -0.5 * (torch.expm1(-near) + torch.expm1(-far))
    return torch.where((lower < 0) & (upper > 0), across, beside)


def _logistic_mass(lower: Tensor, upper: Tensor) -> Tensor:
    sign = torch.where(lower + upper > 0, -1.0, 1.0).to(lower.dtype)
    return (torch.sigmoid(sign * upper) - torch.sigmoid(sign * lower)).abs()


def _logistic(z: float) -> float:
    return 1 / (1 + math.exp(-z)) if z > 0 else math.exp(z) / (1 + math.exp(z))


GAUSSIAN = Kind(gaussian_mass, lambda z: 0.5 * math.erfc(-z * math.sqrt(0.5)), 4.8)
LAPLACE = Kind(
    _laplace_mass, lambda z: 0.5 * math.exp(z) if z < 0 else 1 - 0.5 * math.exp(-z), 13.1
)
LOGISTIC = Kind(_logistic_mass, _logistic, 13.8)
