"""Normal draws: out of integers, so that no machine has others."""

from statistics import NormalDist

import numpy as np
import pytest
from scipy.special import ndtri
from scipy.stats import kstest

from lic_models.components.relative_entropy_coding import normals as module
from lic_models.components.relative_entropy_coding.normals import (
    NODE_BITS,
    VALUE_BITS,
    node_quantiles,
    normals,
    quantiles,
    short_normals,
)
from lic_models.components.relative_entropy_coding.philox import words_of_all
from pytest_lic.errors import UnavailableError


def test_no_node_is_so_near_a_rounding_boundary_that_an_implementation_could_tip_it():
    """SciPy's quantiles (Cephes) beside those of Python (Wichura's AS 241)."""
    exact = ndtri(node_quantiles()) * 2.0**NODE_BITS
    other = np.array([NormalDist().inv_cdf(each) for each in node_quantiles()]) * 2.0**NODE_BITS
    apart = np.abs(exact - other).max()
    boundary = (0.5 - np.abs(exact - np.rint(exact))).min()
    assert boundary > 20 * apart
    np.testing.assert_array_equal(quantiles(), np.rint(other))


def test_draws_rise_with_their_words_from_tail_to_tail():
    random = words_of_all(0, 0, range(20_000), 0).ravel()
    words = np.concatenate([random, np.uint64(1) << np.arange(64, dtype=np.uint64)])
    words = np.concatenate([words, words - np.uint64(1), words + np.uint64(1)])
    words = np.unique(np.concatenate([words, ~words]))
    drawn = normals(words)
    assert (np.diff(drawn) >= 0).all()
    np.testing.assert_array_equal(drawn, -normals(~words))
    assert 9 < drawn[-1] == -drawn[0] < 9.3


def test_draws_are_near_the_quantile_of_their_word():
    words = words_of_all(1, 0, range(50_000), 0).ravel()
    lower = np.minimum(words, ~words).astype(np.float64)
    exact = ndtri((lower + 0.5) * 2.0**-64)
    assert np.abs(-np.abs(normals(words)) - exact).max() < 1.5e-7


def test_the_density_is_off_by_less_than_a_thousandth():
    """The steps between nodes, where it is even, beside those of an exact density."""
    quantile, node = node_quantiles(), quantiles() * 2.0**-NODE_BITS
    middle = (quantile[1:] + quantile[:-1]) / 2
    mean_density = np.diff(quantile) / np.diff(node)
    exact = np.exp(-(ndtri(middle) ** 2) / 2) / np.sqrt(2 * np.pi)
    tail = quantile[:-1] > 1e-15
    assert np.abs(mean_density / exact - 1)[tail].max() < 5e-4
    edge = np.exp(-(node[:-1] ** 2) / 2) / np.sqrt(2 * np.pi)
    assert np.abs(mean_density / edge - 1)[tail].max() < 1e-3


def test_draws_are_whole_multiples_so_that_sums_are_exact():
    drawn = normals(words_of_all(2, 0, range(1000), 0).ravel()) * 2.0**VALUE_BITS
    np.testing.assert_array_equal(drawn, np.rint(drawn))
    assert np.abs(drawn).max() * 63 < 2.0**53


def test_draws_are_normal_at_a_level_of_a_thousandth():
    words = words_of_all(3, 0, range(50_000), 0)
    assert kstest(normals(words[:, 0]), "norm").pvalue > 0.001
    assert kstest(short_normals(words[:10_000]).ravel(), "norm").pvalue > 0.001


def test_short_draws_take_each_sixteen_bits_of_a_word():
    word = np.array([[0x0001_8000_7FFF_FFFF]], np.uint64)
    parts = np.array([0xFFFF, 0x7FFF, 0x8000, 0x0001], np.uint64) << np.uint64(48)
    expected = normals(parts | np.uint64(1 << 47))
    np.testing.assert_array_equal(short_normals(word)[0], expected)


def test_a_machine_with_other_quantiles_says_so(monkeypatch):
    monkeypatch.setattr(module, "ndtri", lambda quantile: ndtri(quantile) * (1 + 1e-6))
    quantiles.cache_clear()
    with pytest.raises(UnavailableError, match=r"scipy\.special\.ndtri gives other normal"):
        quantiles()
    monkeypatch.undo()
    quantiles.cache_clear()
    quantiles()
