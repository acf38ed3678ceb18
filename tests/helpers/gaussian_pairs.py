"""Posteriors and priors, samplers to code them with, and how draws are held against exact ones."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from lic_models.components.relative_entropy_coding import (
    Gaussians,
    GreedySampler,
    ImportanceSampler,
    PoissonSampler,
    RejectionSampler,
)

SAMPLERS = [
    RejectionSampler,
    GreedySampler,
    lambda seed=0: ImportanceSampler(seed, index_bits=8, spare_bits=2),
    PoissonSampler,
]
NAMES = ["rejection", "greedy", "importance", "poisson"]
each_sampler = pytest.mark.parametrize("make", SAMPLERS, ids=NAMES)
LEVEL = 1e-3
"""Of a statistical test: what is right fails one in a thousand; seeds are fixed."""


def alike(mean, scale, count):
    """As many times the same posterior, and standard normal priors."""
    q = Gaussians(np.full(count, float(mean)), np.full(count, float(scale)))
    return q, Gaussians(np.zeros(count), np.ones(count))


def mixed(count, seed=0, bits=4.0):
    """Posteriors of all widths about a mean that a prior of any place and scale would expect."""
    draw = np.random.default_rng(seed)
    scale = 2.0 ** -draw.uniform(0, bits, count)
    prior = Gaussians(draw.normal(0, 5, count), np.exp(draw.normal(0, 1, count)))
    means = draw.normal(size=count) * np.sqrt(1 - scale**2)
    return Gaussians(prior.means + prior.scales * means, prior.scales * scale), prior


def probabilities(draws, posterior):
    """Where draws of a posterior lie in it: even from 0 to 1 if they are draws of it."""
    return norm.cdf((draws - posterior.means) / posterior.scales)
