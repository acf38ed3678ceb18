"""The banana: a source of points in the plane, and what it puts on each cell of a fine grid.

A Gaussian of deviations 3 and ½, bent along a parabola and turned; after the one in Ballé et al.,
"Nonlinear transform coding", 2021, https://arxiv.org/abs/2007.03034. Bending and turning keep
areas, so its differential entropy is the Gaussian's: log2(2πe · 3 · ½) = 4.68 bits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

DEVIATIONS = (3.0, 0.5)
BEND = 0.1
ENTROPY = math.log2(2 * math.pi * math.e * DEVIATIONS[0] * DEVIATIONS[1])
"""Of a point, in bits."""

_ANGLE = math.radians(40)
_TURN = torch.tensor(
    [[math.cos(_ANGLE), math.sin(_ANGLE)], [-math.sin(_ANGLE), math.cos(_ANGLE)]],
    dtype=torch.float64,
)


def draw(count: int, seed: int) -> Tensor:
    """So many points (count, 2), float32, the same for the same seed."""
    generator = torch.Generator().manual_seed(seed)
    along, across = torch.randn(2, count, generator=generator, dtype=torch.float64)
    along, across = along * DEVIATIONS[0], across * DEVIATIONS[1]
    bent = across + BEND * (along.square() - DEVIATIONS[0] ** 2)
    return (torch.stack([along, bent], 1) @ _TURN).float()


def density(points: Tensor) -> Tensor:
    """At each of (n, 2): (n,), float64."""
    along, bent = (points.double() @ _TURN.T).T
    across = bent - BEND * (along.square() - DEVIATIONS[0] ** 2)
    exponents = (along / DEVIATIONS[0]).square() + (across / DEVIATIONS[1]).square()
    return (-exponents / 2).exp() / (2 * math.pi * DEVIATIONS[0] * DEVIATIONS[1])


@dataclass(frozen=True)
class Grid:
    """The banana with each point moved to the middle of its square.

    What is computed on it is exact: nothing depends on which points were drawn.

    Attributes:
        ticks: (m,), float64, the middles along either axis.
        masses: (m, m), float64, 1 in sum; rows are the second coordinate.
    """

    ticks: Tensor
    masses: Tensor

    @property
    def points(self) -> Tensor:
        """(m · m, 2), float32, row by row."""
        second, first = torch.meshgrid(self.ticks, self.ticks, indexing="ij")
        return torch.stack([first, second], -1).reshape(-1, 2).float()


def grid(squares: int = 128, reach: float = 14.4) -> Grid:
    """So many squares along either axis, from −reach to reach.

    The least probable count as empty.
    """
    ticks = (torch.arange(squares, dtype=torch.float64) + 0.5) * (2 * reach / squares) - reach
    empty = Grid(ticks, torch.zeros(squares, squares))
    masses = density(empty.points).reshape(squares, squares)
    masses[masses < 1e-12 * masses.max()] = 0
    return Grid(ticks, masses / masses.sum())
