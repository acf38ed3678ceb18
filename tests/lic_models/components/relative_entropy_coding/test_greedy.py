"""Greedy shards: their bias is measured, not hidden."""

import numpy as np
import pytest
from scipy.stats import kstest

from lic_models.components.relative_entropy_coding import GreedySampler
from lic_models.components.relative_entropy_coding.gaussians import Targets
from tests.helpers.gaussian_pairs import alike, mixed, probabilities


def deviations(sampler, posterior, prior):
    """How far draws are from the posterior's mean, in its scales."""
    return (sampler.encode(posterior, prior)[1] - posterior.means) / posterior.scales


def test_draws_are_not_the_posteriors():
    """Greedy draws stand too near the mode: the test that exact samplers pass, they fail."""
    posterior, prior = alike(0.3, 0.9, 6000)
    draw = GreedySampler(1).encode(posterior, prior)[1]
    assert kstest(probabilities(draw, posterior), "uniform").pvalue < 1e-20


@pytest.mark.parametrize(("share", "spread"), [(0.1, 0.05), (0.3, 0.35), (0.5, 0.8)])
def test_the_fewer_bits_a_group_needs_the_less_its_draws_spread(share, spread):
    """Measured: of the posterior's variance of 1, so much is left."""
    posterior, prior = alike(0.5, 0.5, 6000)
    found = deviations(GreedySampler(1, share=share), posterior, prior)
    assert found.var() == pytest.approx(spread, rel=0.35)


def test_at_a_tight_budget_draws_fall_short_of_the_mean():
    posterior, prior = alike(1.0, 0.5, 6000)
    assert deviations(GreedySampler(1), posterior, prior).mean() < -0.2


def test_a_group_costs_its_shards_bits():
    posterior, prior = alike(0.5, 0.5, 4000)
    sampler = GreedySampler(1, shards=3, shard_bits=5, size_bits=8, share=0.8)
    groups = -(-4000 // int(12 // Targets.of(posterior, prior).bits[0]))
    spent = 8 * len(sampler.encode(posterior, prior)[0])
    assert groups * (15 + 8) <= spent < groups * (15 + 8) + 150


def test_the_stream_says_how_many_shards_of_how_many_bits_it_has():
    posterior, prior = mixed(100)
    string, draw = GreedySampler(9, shards=5, shard_bits=7, size_bits=3).encode(posterior, prior)
    np.testing.assert_array_equal(GreedySampler(9).decode(string, prior), draw)
