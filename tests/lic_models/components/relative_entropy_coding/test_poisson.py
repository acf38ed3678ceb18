"""Greedy Poisson rejection: exact at every divergence, in a few steps."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import kstest

from lic_models.components.relative_entropy_coding import Gaussians, PoissonSampler
from lic_models.components.relative_entropy_coding.gaussians import Targets
from lic_models.components.relative_entropy_coding.poisson import _searched, stretched
from pytest_lic.errors import UsageError
from tests.helpers.gaussian_pairs import LEVEL, alike, mixed, probabilities

PAIRS = [
    *[(0, 1), (0, 0.5), (1, 0.5), (-1, 1), (0.5, 0.99), (3, 0.9), (0.5, 2)],
    *[(3, 2.0**-5), (-1, 2.0**-12), (0.3, 2.0**-20), (2, 2.0**-30)],
]


@pytest.mark.parametrize(("mean", "scale"), PAIRS)
def test_draws_are_those_of_the_posterior(mean, scale):
    """Kolmogorov and Smirnov at a level of a thousandth."""
    posterior, prior = alike(mean, scale, 6000)
    draw = PoissonSampler(21).encode(posterior, prior)[1]
    assert kstest(probabilities(draw, posterior), "uniform").pvalue > LEVEL


@pytest.mark.parametrize("bits", [1, 5, 20])
def test_draws_of_all_kinds_of_pairs_cost_the_divergence_and_its_logarithm(bits):
    posterior, prior = mixed(6000, bits=bits)
    string, draw = PoissonSampler(1).encode(posterior, prior)
    assert kstest(probabilities(draw, posterior), "uniform").pvalue > LEVEL
    divergence = Targets.of(posterior, prior).bits.mean()
    spent = 8 * len(string) / draw.size
    assert divergence < spent < divergence + np.log2(divergence + 1) + 1.2


def test_draws_of_neighbours_are_independent():
    posterior, prior = alike(0.5, 0.3, 20_000)
    draw = (PoissonSampler(5).encode(posterior, prior)[1] - 0.5) / 0.3
    for apart in (1, 2, 4, 64):
        assert abs((draw[apart:] * draw[:-apart]).mean()) < 4 / np.sqrt(20_000)


def test_the_number_of_draws_grows_with_the_divergence_not_with_its_power():
    targets = Targets.of(*alike(0.5, 2.0**-20, 2000))
    counts = _searched(targets, np.arange(2000), 0)[0]
    assert counts.mean() < 2.5 * targets.bits[0]
    assert counts.max() < 100


@pytest.mark.parametrize("value", [-1.0, 0.5, 1.2, 1.6, 1.64])
def test_the_stretched_ratio_is_its_integral(value):
    """φ(h) = ∫₀ʰ ds / ∫ (q − s · p)⁺."""
    target = Targets(np.array([1.5]), np.array([0.3]))
    value = np.array([value])
    expected = quad(
        lambda log: np.exp(log) / target.left(np.array([log]))[0],
        -40,
        target.log_ratio(value)[0],
        epsabs=0,
        epsrel=1e-8,
        limit=200,
    )[0]
    assert stretched(target, value)[0] == pytest.approx(
        expected, rel=2e-3 if expected < 1e-9 else 1e-6
    )


def test_a_dimension_of_more_than_forty_bits_is_refused():
    posterior = Gaussians(np.array([0.0, 0.5]), np.array([0.5, 2.0**-45]))
    with pytest.raises(UsageError, match=r"dimension 1 has a divergence of 44\.\d bits"):
        PoissonSampler().encode(posterior, Gaussians(np.zeros(2), np.ones(2)))
