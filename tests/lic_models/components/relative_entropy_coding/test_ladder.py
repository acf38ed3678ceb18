"""The ladder's distributions, by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Normal

from lic_models.components.relative_entropy_coding.ladder import Ladder
from pytest_lic.errors import UsageError


def ladder() -> Ladder:
    torch.manual_seed(0)
    return Ladder(6, 4, (1, 3, 3))


def test_the_posterior_is_latents_and_prior_each_weighted_by_its_precision() -> None:
    latents = torch.randn(2, 6, 3, 5)
    means, scale = torch.randn(2, 6, 3, 5), torch.rand(2, 6, 3, 5) + 0.1
    found = ladder().first_posterior(latents, Normal(means, scale))
    own = 12.0  # 1 / σ², at first that of a unit step's noise
    other = scale**-2
    assert torch.allclose(found.mean, (latents * own + means * other) / (own + other), atol=1e-5)
    assert torch.allclose(found.scale, (own + other) ** -0.5, atol=1e-5)
    assert (found.scale < scale).all()


@pytest.mark.parametrize("size", [(1, 1), (4, 8), (5, 3)])
def test_level_2_has_a_quarter_of_the_sides_and_tells_of_all_of_level_1(
    size: tuple[int, int],
) -> None:
    levels, latents = ladder(), torch.randn(1, 6, *size)
    second = levels.second_posterior(latents)
    assert second.mean.shape[1:] == levels.second_size(size)
    assert levels.second_size(size) == (4, math.ceil(size[0] / 4), math.ceil(size[1] / 4))
    assert levels.first_prior(second.mean, size).mean.shape == latents.shape


def test_priors_begin_as_wide_as_the_latents_and_about_their_means() -> None:
    levels = ladder()
    widths, means = torch.tensor([1.0, 2, 5, 10, 30, 100]), torch.arange(6.0) * 7
    latents = means[:, None, None] + widths[:, None, None] * torch.randn(4, 6, 16, 16)
    levels.fit(latents)
    last = levels.hyper_synthesis[-1]
    torch.nn.init.zeros_(last.weight)
    prior = levels.first_prior(torch.randn(1, 4, 4, 4), (16, 16))
    found = latents.std((0, 2, 3))
    assert torch.allclose(prior.scale[0, :, 0, 0], found, rtol=1e-4)
    assert torch.allclose(prior.mean[0, :, 0, 0], latents.mean((0, 2, 3)), rtol=1e-3, atol=1e-3)


def test_scales_stay_within_bounds_whatever_the_network_gives() -> None:
    levels = ladder()
    last = levels.hyper_synthesis[-1]
    with torch.no_grad():
        last.bias[6:] = torch.tensor([-1e4, 1e4, -50, 50, 0, 0])
    scale = levels.first_prior(torch.zeros(1, 4, 1, 1), (2, 2)).scale
    assert scale.min() >= math.exp(-7) * 0.999
    assert scale.max() <= math.exp(7) * 1.001


@pytest.mark.parametrize("arguments", [(6, 0, (1, 3, 3)), (6, 4, (1, 2, 3)), (6, 4, (3, 3))])
def test_no_network_is_refused(arguments: tuple) -> None:
    with pytest.raises(UsageError, match=r"hyper_channels: 0|kernel_sizes: "):
        Ladder(*arguments)


def test_a_single_latent_a_channel_has_no_width() -> None:
    with pytest.raises(UsageError, match="expected several a channel"):
        ladder().fit(torch.ones(1, 6, 1, 1))
