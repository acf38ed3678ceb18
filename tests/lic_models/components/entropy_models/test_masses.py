"""Probabilities of intervals, against scipy's, and their gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import norm
from torch.autograd import gradcheck

from lic_models.components.entropy_models.masses import gaussian_mass
from tests.helpers.entropy_cases import random_density

M = 6


def test_the_masses_of_all_symbols_sum_to_one() -> None:
    density = random_density(M).double()
    centres = torch.arange(-1000, 1001).double().expand(1, M, 1, -1) + 0.3
    masses = density.mass(centres - 0.5, centres + 0.5)
    torch.testing.assert_close(masses.sum(3), torch.ones(1, M, 1).double(), rtol=0, atol=1e-9)
    scales = torch.tensor([0.11, 1.0, 17.0]).double()[:, None]
    masses = gaussian_mass((centres[0, 0] - 0.5) / scales, (centres[0, 0] + 0.5) / scales)
    torch.testing.assert_close(masses.sum(1), torch.ones(3).double())


def test_gaussian_masses_are_scipys_to_the_digits_of_far_tails() -> None:
    lower = np.linspace(-37, 36, 500)
    upper = lower + np.linspace(0.004, 5, 500)
    found = gaussian_mass(torch.from_numpy(lower), torch.from_numpy(upper)).numpy()
    right = np.where(lower + upper > 0, norm.sf(lower) - norm.sf(upper), 0)
    left = np.where(lower + upper <= 0, norm.cdf(upper) - norm.cdf(lower), 0)
    np.testing.assert_allclose(found, left + right, rtol=1e-8)
    single = gaussian_mass(torch.tensor([9.0]), torch.tensor([9.1])).item()
    assert single == pytest.approx(norm.sf(9.0) - norm.sf(9.1), rel=1e-4)


def test_mass_gradients_are_those_of_finite_differences() -> None:
    torch.manual_seed(0)
    lower = torch.randn(1, 2, 2, 2).double().requires_grad_()
    upper = (lower.detach() + 0.2 + torch.rand_like(lower)).requires_grad_()
    assert gradcheck(gaussian_mass, (lower, upper))
    density = random_density(2).double()
    assert gradcheck(density.mass, (lower, upper))
