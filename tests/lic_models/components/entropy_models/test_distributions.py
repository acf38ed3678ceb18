"""Distributions: their masses are those of scipy, and a mixture's tables are integers' work."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
import torch

from lic_models.components import GaussianMixture, Laplace, NoiseQuantizer
from lic_models.components.entropy_coding.counts import TOTAL
from lic_models.components.entropy_models.distributions.base import Components
from lic_models.components.entropy_models.distributions.kinds import GAUSSIAN, LAPLACE, LOGISTIC
from lic_models.components.entropy_models.distributions.mixed_tables import (
    CUMULATIVE,
    SHIFTS,
    STEPS,
    lookup,
)
from pytest_lic.errors import UsageError

KINDS = {"norm": GAUSSIAN, "laplace": LAPLACE, "logistic": LOGISTIC}


@pytest.mark.parametrize("name", KINDS)
def test_masses_are_scipys(name: str) -> None:
    exact, kind = getattr(scipy.stats, name), KINDS[name]
    lower = np.linspace(-30, 29, 1181)
    upper = lower + np.linspace(0.01, 3, 1181)
    found = kind.mass(torch.from_numpy(lower), torch.from_numpy(upper)).numpy()
    # By the tail that both lie in, so that the digits are there.
    right = exact.sf(lower) - exact.sf(upper)
    left = exact.cdf(upper) - exact.cdf(lower)
    np.testing.assert_allclose(found, np.where(lower + upper > 0, right, left), rtol=1e-9)
    for place in (-9.0, -0.3, 0.0, 2.0):
        assert kind.cumulative(place) == pytest.approx(exact.cdf(place), rel=1e-12)
    assert 2 * exact.sf(kind.reach) == pytest.approx(2e-6, rel=0.3)


@pytest.mark.parametrize("name", KINDS)
def test_no_look_up_is_near_where_rounding_turns(name: str) -> None:
    """So that every machine has the same, whatever its last digits are."""
    kind = KINDS[name]
    places = np.arange(-24 * STEPS, 24 * STEPS + 1)
    exact = np.array([kind.cumulative(place / STEPS) * CUMULATIVE for place in places])
    assert np.abs(exact - np.floor(exact) - 0.5).min() > 1e-5  # digits end near 1e-7
    entries = lookup(kind)
    assert (np.diff(entries) >= 0).all()
    assert entries[0] <= 1
    assert entries[-1] >= CUMULATIVE - 1


def test_no_factor_of_a_scale_is_near_where_rounding_turns() -> None:
    exact = STEPS * 2.0**16 / (SHIFTS * GaussianMixture()._scales)
    assert exact.max() < 2e6  # whose digits end near 1e-10
    assert np.abs(exact - np.floor(exact) - 0.5).min() > 1e-6


def choices(count: int = 400) -> tuple[Components, torch.Tensor]:
    generator = torch.Generator().manual_seed(5)
    weights = torch.randn(3, count, generator=generator, dtype=torch.float64)
    shifts = 3 * torch.randn(3, count, generator=generator, dtype=torch.float64)
    log_scales = torch.rand(3, count, generator=generator, dtype=torch.float64) * 7 - 2
    parts = Components(torch.log_softmax(weights, 0), shifts, log_scales)
    return parts, torch.zeros(count, dtype=torch.int64)


def test_a_mixtures_tables_are_its_masses() -> None:
    mixture, quantizer = GaussianMixture(3), NoiseQuantizer()
    parts, variant = choices()
    whole, indices, tables = mixture.choose(parts, variant, quantizer, None)
    assert tables.count <= len(variant)
    wasted = []
    for at in range(0, len(variant), 7):
        row = tables.row(int(indices[at]))
        symbols = torch.arange(len(row) - 1) + int(tables.offsets[indices[at]]) + int(whole[at])
        one = Components(*(part[:, at].reshape(1, 3, 1) for part in parts))
        edges = symbols.double()[None]
        mass = mixture.mass(one, edges - 0.5, edges + 0.5)[0]
        found = torch.from_numpy(row[:-1] / TOTAL)
        assert row.sum() == TOTAL
        assert row.min() >= 1
        bits = (mass * (mass.clamp(min=1e-300).log2() - found.log2())).sum()
        wasted.append(float(bits))
    # Scales, shifts and weights are those of the grid, and each symbol is given a count.
    assert max(wasted) < 0.05
    assert np.mean(wasted) < 0.012


def test_the_last_digits_choose_nothing() -> None:
    parts, variant = choices()
    moved = Components(*(part * (1 + 1e-13) for part in parts))
    for distribution in (GaussianMixture(3), Laplace()):
        quantizer = NoiseQuantizer()
        tables = distribution.tables(quantizer)
        count = len(distribution.kinds)
        one = distribution.choose(
            Components(*(p[:count] for p in parts)), variant, quantizer, tables
        )
        other = distribution.choose(
            Components(*(p[:count] for p in moved)), variant, quantizer, tables
        )
        assert (one[0] == other[0]).all()
        assert (one[1] == other[1]).all()
        assert (one[2].frequencies == other[2].frequencies).all()


def test_a_shift_by_whole_steps_takes_the_same_table() -> None:
    parts, variant = choices()
    for distribution in (GaussianMixture(3), Laplace()):
        count, quantizer = len(distribution.kinds), NoiseQuantizer()
        tables = distribution.tables(quantizer)
        here = Components(*(p[:count] for p in parts))
        there = here._replace(shifts=here.shifts + 40)
        one, other = (distribution.choose(p, variant, quantizer, tables) for p in (here, there))
        assert (other[0] - one[0] == 40).all()
        assert (one[1] == other[1]).all()


def test_distributions_that_can_not_be() -> None:
    with pytest.raises(UsageError, match="components: 1; expected at least 2 of a mixture"):
        GaussianMixture(1)
    with pytest.raises(UsageError, match="expected 0 < smallest < largest"):
        Laplace(scale_range=(2.0, 1.0))
