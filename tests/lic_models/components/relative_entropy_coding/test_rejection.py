"""Rejection: draws of the posterior, at a little over its divergence."""

import numpy as np
import pytest
from scipy.stats import kstest

from lic_models.components.relative_entropy_coding import RejectionSampler
from lic_models.components.relative_entropy_coding.gaussians import Targets
from lic_models.components.relative_entropy_coding.rejection import accepted
from tests.helpers.gaussian_pairs import LEVEL, alike, mixed, probabilities

PAIRS = [(0, 1), (0, 0.5), (1, 0.5), (-1, 1), (0.5, 2), (0, 1.3), (2, 0.2)]


@pytest.mark.parametrize(("mean", "scale"), PAIRS)
def test_draws_are_those_of_the_posterior(mean, scale):
    """Kolmogorov and Smirnov at a level of a thousandth."""
    posterior, prior = alike(mean, scale, 10_000)
    draw = RejectionSampler(11, budget_bits=9).encode(posterior, prior)[1]
    assert kstest(probabilities(draw, posterior), "uniform").pvalue > LEVEL


def test_draws_of_all_kinds_of_pairs_are_those_of_their_posteriors():
    posterior, prior = mixed(20_000)
    string, draw = RejectionSampler(1).encode(posterior, prior)
    assert kstest(probabilities(draw, posterior), "uniform").pvalue > LEVEL
    bits = Targets.of(posterior, prior).bits.mean()
    assert bits < 8 * len(string) / draw.size < bits + 2.6


def test_outliers_are_draws_of_what_the_budget_left():
    """With a budget of one draw most are outliers, and all together still are the posterior's."""
    posterior, prior = alike(0.7, 0.8, 20_000)
    sampler = RejectionSampler(2, budget_bits=0)
    string, draw = sampler.encode(posterior, prior)
    chosen, _ = accepted(Targets.of(posterior, prior), np.arange(20_000), 2, 1)
    assert 0.2 < (chosen < 0).mean() < 0.8
    assert kstest(probabilities(draw, posterior), "uniform").pvalue > LEVEL
    np.testing.assert_array_equal(sampler.decode(string, prior), draw)


def test_blocks_of_draws_are_as_exact_as_single_ones():
    """Of those accepted after the first 64 draws, all are where the ratio is above the level."""
    posterior, prior = alike(1.5, 0.1, 20_000)
    targets = Targets.of(posterior, prior)
    chosen, levels = accepted(targets, np.arange(20_000), 3, 1 << 12)
    late = chosen >= 64
    assert late.sum() > 1000
    assert (np.diff(np.sort(levels[late])) >= 0).all()
    assert levels.max() <= np.exp(targets.log_peak.max())
    draw = RejectionSampler(3).encode(posterior, prior)[1]
    assert kstest(probabilities(draw, posterior), "uniform").pvalue > LEVEL


def test_what_the_budget_would_not_serve_costs_sixteen_bits_at_once():
    posterior, prior = alike(0.5, 2.0**-18, 500)
    string, draw = RejectionSampler().encode(posterior, prior)
    assert 8 * len(string) < 500 * 17
    np.testing.assert_array_equal(draw, draw.astype(np.float16))
