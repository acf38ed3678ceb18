"""Adaptive importance: nearly the posterior's draws, the nearer the more bits are spare."""

import numpy as np
import pytest
from scipy.stats import kstest

from lic_models.components.relative_entropy_coding import ImportanceSampler
from lic_models.components.relative_entropy_coding.gaussians import Targets
from tests.helpers.gaussian_pairs import LEVEL, alike, mixed, probabilities


def distance(sampler, posterior, prior):
    """The largest difference between the distribution of the draws and the posterior's."""
    draw = sampler.encode(posterior, prior)[1]
    return kstest(probabilities(draw, posterior), "uniform").statistic


def test_spare_bits_bring_draws_nearer_to_the_posterior():
    posterior, prior = mixed(5000, bits=2)
    distances = [distance(ImportanceSampler(1, 10, spare), posterior, prior) for spare in (0, 2, 5)]
    assert distances == sorted(distances, reverse=True)
    assert distances[0] > 2 * distances[-1]


def test_with_bits_to_spare_draws_pass_for_the_posteriors():
    """Kolmogorov and Smirnov at a level of a thousandth."""
    posterior, prior = alike(0.5, 0.8, 6000)
    draw = ImportanceSampler(1, index_bits=10, spare_bits=7).encode(posterior, prior)[1]
    assert kstest(probabilities(draw, posterior), "uniform").pvalue > LEVEL


@pytest.mark.parametrize(("sizes", "each"), [(8, 8), (7, 0)])
def test_a_group_costs_its_bits_and_those_of_its_size(sizes, each):
    """Sizes of up to 7 bits take what their frequencies do: nothing where all are alike."""
    posterior, prior = alike(0.5, 0.5, 4000)
    sampler = ImportanceSampler(1, index_bits=10, spare_bits=3, size_bits=sizes)
    size = int(7 // Targets.of(posterior, prior).bits[0])
    groups = -(-4000 // size)
    spent = 8 * len(sampler.encode(posterior, prior)[0])
    assert groups * (10 + each) <= spent < groups * (10 + each) + 250


def test_dimensions_beyond_the_budget_are_outliers():
    posterior, prior = mixed(300, bits=2)
    posterior.scales[[5, 77, 299]] = prior.scales[[5, 77, 299]] * 2.0**-15
    sampler = ImportanceSampler(1, index_bits=8, spare_bits=2)
    string, draw = sampler.encode(posterior, prior)
    off = np.abs((draw - posterior.means) / prior.scales)[[5, 77, 299]]
    assert (off < 3e-3).all()
    np.testing.assert_array_equal(sampler.decode(string, prior), draw)
