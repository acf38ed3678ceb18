"""Centres of a codebook: how far vectors are from them, and where they begin."""

from __future__ import annotations

import torch
from torch import Tensor

_LEAST_UNIT = 1e-6  # of a squared latent


def squared_distances(vectors: Tensor, centres: Tensor) -> Tensor:
    """‖z − c‖² of vectors (n, d) and centres (K, d): (n, K).

    Element by element, so that each distance is the same whatever else is computed beside it.
    """
    total = (vectors[:, :1] - centres[:, 0]).square()
    for dimension in range(1, vectors.size(1)):
        total = total + (vectors[:, dimension, None] - centres[:, dimension]).square()
    return total


def in_nearest(distances: Tensor) -> Tensor:
    """Distances (n, K) in units of the mean of the least ones: 1 is a usual error."""
    return distances / distances.detach().amin(1).mean().clamp(min=_LEAST_UNIT)


def first_centres(vectors: Tensor, entries: int, seed: int, rounds: int = 8) -> Tensor:
    """K centres (K, d) of vectors (n, d): drawn by k-means++, then moved by Lloyd's algorithm.

    Arthur and Vassilvitskii, "k-means++: the advantages of careful seeding", SODA 2007; Lloyd,
    "Least squares quantization in PCM", 1982, https://doi.org/10.1109/TIT.1982.1056489. A centre
    that no vector is nearest to stays where it was drawn.

    Args:
        vectors: at least one.
        entries: K.
        seed: of the draws.
        rounds: of Lloyd's algorithm.
    """
    generator = torch.Generator().manual_seed(seed)
    vectors = vectors.double().cpu()
    chosen = [int(torch.randint(len(vectors), (1,), generator=generator))]
    nearest = squared_distances(vectors, vectors[chosen])[:, 0]
    while len(chosen) < entries:
        # Where every vector is a centre already, any will do.
        weights = nearest if bool(nearest.sum() > 0) else torch.ones_like(nearest)
        chosen.append(int(torch.multinomial(weights, 1, generator=generator)))
        latest = squared_distances(vectors, vectors[chosen[-1:]])[:, 0]
        nearest = torch.minimum(nearest, latest)
    centres = vectors[chosen]
    for _ in range(rounds):
        members = squared_distances(vectors, centres).argmin(1)
        counts = torch.bincount(members, minlength=entries)[:, None]
        sums = torch.zeros_like(centres).index_add_(0, members, vectors)
        centres = torch.where(counts > 0, sums / counts.clamp(min=1), centres)
    return centres
