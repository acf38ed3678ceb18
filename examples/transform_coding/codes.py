"""What every code of points in the plane has, and how one is measured."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from source import Grid
from torch import Tensor, nn


class Coded(NamedTuple):
    """What becomes of n points.

    Attributes:
        values: (n, 2), as they are decoded.
        bits: (n,), that each costs.
        cells: (n,) integers, equal for points that are decoded alike.
    """

    values: Tensor
    bits: Tensor
    cells: Tensor


class Measured(NamedTuple):
    """Bits and squared error a point."""

    rate: float
    distortion: float


class Code(nn.Module, ABC):
    """A code of points in the plane."""

    @abstractmethod
    def coded(self, points: Tensor) -> Coded:
        """What becomes of points (n, 2)."""

    @abstractmethod
    def encode(self, points: Tensor) -> bytes:
        """One string of all points (n, 2)."""

    @abstractmethod
    def decode(self, string: bytes, count: int) -> Tensor:
        """The points (count, 2) of a string."""


@torch.no_grad()
def measure(code: Code, source: Grid) -> Measured:
    """A code on the whole grid: no point is drawn, so no luck is in it."""
    coded = code.coded(source.points)
    masses = source.masses.flatten()
    errors = (coded.values - source.points).double().square().sum(1)
    return Measured(float(masses @ coded.bits.double()), float(masses @ errors))
