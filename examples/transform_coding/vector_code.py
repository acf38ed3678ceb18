"""Entropy-constrained vector quantization: a list of points, each with what its number costs.

Chou, Lookabaugh and Gray, "Entropy-constrained vector quantization", 1989,
https://doi.org/10.1109/29.17498: the algorithm of Lloyd with the rate in the distance.
"""

from __future__ import annotations

import numpy as np
import torch
from codes import Code, Coded
from torch import Tensor

from lic_models.components import AnsCoder
from lic_models.components.entropy_coding.counts import Integers, counts_of
from lic_models.components.entropy_coding.tables import FrequencyTables


class VectorCode(Code):
    """Code vectors, and how often each is used; vectors may have any length d.

    Args:
        vectors: (K, d).
        counts: int32 (K + 1,), 2**16 in sum: how often each vector is used, and one more for an
            escape that is never taken.
        lmbda: bits that a squared error is worth, when a vector is chosen.
    """

    def __init__(self, vectors: Tensor, counts: Integers, lmbda: float) -> None:
        super().__init__()
        self.register_buffer("vectors", vectors)
        self.lmbda = lmbda
        self.counts, ends = counts, np.array([0, len(counts)])
        self.tables = FrequencyTables(counts, ends, np.zeros(1, np.int32))
        self.register_buffer("vector_bits", 16 - torch.from_numpy(counts[:-1]).float().log2())

    def indices(self, points: Tensor) -> Tensor:
        """For each of (n, d) the vector that costs least: (n,)."""
        return _least(points, self.vectors, self.vector_bits / self.lmbda)

    def coded(self, points: Tensor) -> Coded:
        """See `Code`."""
        indices = self.indices(points)
        return Coded(self.vectors[indices], self.vector_bits[indices], indices)

    def encode(self, points: Tensor) -> bytes:
        """See `Code`."""
        symbols = self.indices(points).numpy().astype(np.int32)
        return AnsCoder().encode(symbols, np.zeros_like(symbols), self.tables)

    def decode(self, string: bytes, count: int) -> Tensor:
        """See `Code`."""
        symbols = AnsCoder().decode(string, np.zeros(count, np.int32), self.tables)
        return self.vectors[torch.from_numpy(symbols).long()]


def train(points: Tensor, lmbda: float, most: int = 256, rounds: int = 100) -> VectorCode:
    """Make bits + λ · squared error small over points (n, d); unused vectors are dropped.

    Args:
        points: to learn from; the first ``most`` of them are the first vectors.
        lmbda: bits that a squared error is worth.
        most: vectors to begin with.
        rounds: at most so many; fewer once a round brings nothing.
    """
    vectors, masses = points[:most], torch.full((min(most, len(points)),), 1 / most)
    before = None
    for _ in range(rounds):
        nearest = _least(points, vectors, -masses.log2() / lmbda)
        if before is not None and torch.equal(nearest, before):
            break
        used, nearest = nearest.unique(return_inverse=True)
        counts = torch.bincount(nearest, minlength=len(used)).float()
        sums = torch.zeros(len(used), points.size(1)).index_add_(0, nearest, points)
        vectors, masses, before = sums / counts[:, None], counts / len(points), nearest
    return VectorCode(vectors, counts_of(masses.double().numpy()), lmbda)


def _least(points: Tensor, vectors: Tensor, costs: Tensor) -> Tensor:
    """For each of (n, d), which of (K, d) is least by squared distance plus its cost: (n,)."""
    constants = vectors.square().sum(1) + costs
    return torch.addmm(constants, points, vectors.T, alpha=-2).argmin(1)
