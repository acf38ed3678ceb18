"""The rates of false alarms that the statistical properties state are those that they have."""

from __future__ import annotations

import pytest
import torch

from pytest_lic.properties.statistics import (
    deviations_allowed,
    distance_allowed,
    distance_to_uniform,
)

RUNS, COUNT, RATE = 2000, 400, 0.05


def uniform_samples() -> torch.Tensor:
    random = torch.Generator().manual_seed(1)
    return torch.rand((RUNS, COUNT), generator=random, dtype=torch.float64) - 0.5


def test_uniform_samples_seldom_exceed_the_distance_that_is_allowed() -> None:
    allowed = distance_allowed(COUNT, RATE)
    share = sum(distance_to_uniform(each) > allowed for each in uniform_samples()) / RUNS
    assert share <= RATE + 3 * (RATE / RUNS) ** 0.5
    assert share > RATE / 3, "an inequality, but not a lax one"


@pytest.mark.parametrize("scale", [0.85, 1.15])
def test_samples_of_another_width_exceed_it(scale: float) -> None:
    samples = scale * uniform_samples()[:100].reshape(10, -1)
    assert all(distance_to_uniform(each) > distance_allowed(4000, 1e-6) for each in samples)


def test_means_and_correlations_seldom_exceed_the_deviations_that_are_allowed() -> None:
    samples = uniform_samples()
    allowed = deviations_allowed(RATE) / COUNT**0.5
    means = float((samples.mean(1).abs() * 12**0.5 > allowed).double().mean())
    pairs = torch.stack([torch.corrcoef(each)[0, 1] for each in samples.split(2)])
    correlations = float((pairs.abs() > allowed).double().mean())
    for share, runs in ((means, RUNS), (correlations, RUNS // 2)):
        assert abs(share - RATE) < 4 * (RATE / runs) ** 0.5


def test_the_distance_by_hand() -> None:
    assert distance_to_uniform(torch.tensor([0.0])) == 0.5
    assert distance_to_uniform(torch.tensor([-0.25, 0.25])) == 0.25
    assert distance_to_uniform(torch.tensor([0.5, 0.5])) == 1.0
    assert distance_to_uniform(torch.tensor([9.0])) == 1.0
