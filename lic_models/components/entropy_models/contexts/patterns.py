"""Patterns: in which order the positions of a latent are decoded, all channels of one together."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from pytest_lic.errors import UsageError


class Pattern(ABC):
    """A stage for each position; a stage's positions see those of earlier stages alone."""

    @abstractmethod
    def stages(self, height: int, width: int) -> Tensor:
        """The stage of each position, int64 (h, w), from 0; a stage may have none."""

    @abstractmethod
    def count(self, height: int, width: int) -> int:
        """How many stages there are."""


class Periodic(Pattern):
    """A small square of stages, laid beside one another.

    Args:
        square: rows of stages, from 0 on without a gap.

    Raises:
        UsageError: no square of such stages.
    """

    def __init__(self, square: Sequence[Sequence[int]]) -> None:
        stages = sorted({stage for row in square for stage in row})
        if any(len(row) != len(square) for row in square) or stages != list(range(len(stages))):
            raise UsageError(
                f"stages {[list(row) for row in square]}; expected a square of the numbers from 0 "
                "on, each at least once"
            )
        self.square = torch.tensor([list(row) for row in square])

    def stages(self, height: int, width: int) -> Tensor:
        """The stage of each position, int64 (h, w)."""
        side = len(self.square)
        repeated = self.square.repeat(-(-height // side), -(-width // side))
        return repeated[:height, :width]

    def count(self, height: int, width: int) -> int:
        """The stages of the square, also where a small latent has none of them."""
        return int(self.square.max()) + 1


class Raster(Pattern):
    """Row by row, from left to right, one position a stage."""

    def stages(self, height: int, width: int) -> Tensor:
        """The stage of each position, int64 (h, w)."""
        return torch.arange(height * width).reshape(height, width)

    def count(self, height: int, width: int) -> int:
        """As many as there are positions."""
        return height * width


WHOLE = Periodic([[0]])
"""All positions at once."""
CHECKERBOARD = Periodic([[0, 1], [1, 0]])
"""First those of which row and column together are even."""
MULTISTAGE_2 = Periodic([[0, 2], [3, 1]])
"""Four stages, the second of which is amid the first."""
MULTISTAGE_4 = Periodic([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]])
"""Sixteen, each as far from the ones before as can be."""
