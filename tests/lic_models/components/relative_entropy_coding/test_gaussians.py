"""Pairs of Gaussians: divergence, ratio, what is above a level; and what is refused."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from lic_models.components.relative_entropy_coding import gaussians
from lic_models.components.relative_entropy_coding.gaussians import Gaussians, Targets
from pytest_lic.errors import AbsurdSizeError, UsageError

PAIRS = [(0.0, 0.5), (2.0, 0.3), (-1.0, 1.0), (0.5, 2.0), (0.0, 1.0), (3.0, 0.99)]


def one(mean, scale):
    return Targets.of(
        Gaussians(np.array([mean]), np.array([scale])), Gaussians(np.zeros(1), np.ones(1))
    )


@pytest.mark.parametrize(("mean", "scale"), PAIRS)
def test_divergence_and_what_is_above_a_level_are_those_of_an_integral(mean, scale):
    target, q, p = one(mean, scale), norm(mean, scale), norm()

    def nats(z):
        return q.pdf(z) * (q.logpdf(z) - p.logpdf(z))

    ends = mean - 9 * scale, mean + 9 * scale
    assert target.bits[0] == pytest.approx(quad(nats, *ends)[0] / np.log(2), abs=1e-5)
    for level in (0.0, 0.2, 1.0, 3.0):
        above = quad(
            lambda z, s=level: max(q.pdf(z) - s * p.pdf(z), 0), -12, 12, limit=100, points=[mean]
        )[0]
        with np.errstate(divide="ignore"):
            assert target.left(np.log(np.array([level])))[0] == pytest.approx(above, abs=1e-5)


def test_the_ratio_is_that_of_the_densities():
    values = np.linspace(-3, 3, 7)
    for mean, scale in PAIRS:
        expected = norm.logpdf(values, mean, scale) - norm.logpdf(values)
        found = one(mean, scale).log_ratio(values[None])[0]
        np.testing.assert_allclose(found, expected, atol=2e-5)


def test_near_the_peak_what_is_left_does_not_drown_in_rounding():
    target = one(2.0, 0.1)
    widths = np.geomspace(1e-6, 1e-2, 60) * np.sqrt(target.spread)
    levels = target.log_peak - widths**2 / (2 * target.spread)
    left = np.array([target.left(np.array([each]))[0] for each in levels])
    slope = np.diff(np.log(left)) / np.diff(np.log(widths))
    np.testing.assert_allclose(slope[:-1], 3, atol=0.02)


REFUSED = [
    (np.zeros(2), np.ones(3), r"shape \(2,\), scales of \(3,\)"),
    (np.zeros((1, 2)), np.ones((1, 2)), "one axis"),
    (np.array([0, np.nan]), np.ones(2), "mean nan in dimension 1"),
    (np.array([np.inf, 0]), np.ones(2), "mean inf in dimension 0"),
    (np.zeros(2), np.array([1.0, 0.0]), r"scale 0\.0 in dimension 1"),
    (np.zeros(2), np.array([-1.0, 1.0]), r"scale -1\.0 in dimension 0"),
    (np.zeros(1), np.array([np.nan]), "scale nan"),
]


@pytest.mark.parametrize(("means", "scales", "wrong"), REFUSED)
def test_what_are_no_gaussians_is_refused_in_one_line(means, scales, wrong):
    with pytest.raises(UsageError, match=wrong) as refused:
        Gaussians(means, scales)
    assert "\n" not in str(refused.value)


def test_absurdly_many_dimensions_are_refused(monkeypatch):
    monkeypatch.setattr(gaussians, "MOST_DIMENSIONS", 3)
    with pytest.raises(AbsurdSizeError, match="4 dimensions; at most 3"):
        Gaussians(np.zeros(4), np.ones(4))


@pytest.mark.parametrize(
    ("posterior", "prior"),
    [((1e300, 1.0), (0.0, 1e-300)), ((0.0, 1e300), (0.0, 1e-300)), ((0.0, 1e-300), (0.0, 1e300))],
)
def test_a_divergence_that_is_not_finite_is_refused(posterior, prior):
    q, p = (Gaussians(np.array([m]), np.array([s])) for m, s in (posterior, prior))
    with pytest.raises(UsageError, match="divergence of dimension 0 is not finite"):
        Targets.of(q, p)


def test_pairs_of_other_sizes_are_refused():
    with pytest.raises(UsageError, match="2 dimensions, a prior of 3"):
        Targets.of(Gaussians(np.zeros(2), np.ones(2)), Gaussians(np.zeros(3), np.ones(3)))
