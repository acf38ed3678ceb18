"""Quantizers that round: each trains with the proxy that its paper describes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from lic_models.components.quantizers import (
    MixedQuantizer,
    NoiseQuantizer,
    Quantizer,
    StraightThroughQuantizer,
    UniversalQuantizer,
)
from tests.helpers.residuals import distance_to_uniform, gradient, latent

NOISY = [NoiseQuantizer, MixedQuantizer, UniversalQuantizer]


@pytest.mark.parametrize("make", [NoiseQuantizer, StraightThroughQuantizer, MixedQuantizer])
def test_coding_rounds_halves_to_even(make: Callable[[], Quantizer]) -> None:
    quantized = make().eval()(latent(-1.5, -0.5, 0.5, 1.5, 2.5, 0.49, -7.51))
    assert quantized.values.flatten().tolist() == [-2, 0, 0, 2, 2, 0, -8]
    assert torch.equal(quantized.lower, quantized.values - 0.5)
    assert torch.equal(quantized.upper, quantized.values + 0.5)


@pytest.mark.parametrize("make", NOISY)
def test_noise_is_uniform_and_unbiased(make: Callable[[], Quantizer]) -> None:
    torch.manual_seed(3)
    residual = torch.full((1, 1, 100, 1000), 0.3, dtype=torch.float64)
    quantized = make()(residual)
    noise = (quantized.lower + quantized.upper) / 2 - residual
    torch.testing.assert_close(quantized.upper - quantized.lower, torch.ones_like(residual))
    assert float(noise.abs().max()) <= 0.5
    assert abs(float(noise.mean())) < 4 * (1 / 12 / 1e5) ** 0.5
    assert distance_to_uniform(noise) < 0.006
    assert torch.equal(make()(residual).values, quantized.values) == (make is MixedQuantizer)


def test_noise_gives_the_synthesis_what_the_rate_sees() -> None:
    quantized = NoiseQuantizer()(torch.randn(1, 2, 8, 8))
    torch.testing.assert_close(quantized.values, (quantized.lower + quantized.upper) / 2)


def test_straight_through_is_rounding_with_the_identity_as_gradient() -> None:
    residual = latent(-1.5, -0.2, 0.5, 3.7).requires_grad_()
    quantized = StraightThroughQuantizer()(residual)
    assert quantized.values.flatten().tolist() == [-2, 0, 0, 4]
    assert torch.equal(quantized.upper, quantized.values + 0.5)
    for part in quantized:
        assert torch.equal(gradient(part, residual), torch.ones_like(residual))


def test_mixed_rounds_for_the_synthesis_and_adds_noise_for_the_rate() -> None:
    torch.manual_seed(4)
    residual = (3 * torch.randn(1, 2, 8, 8)).requires_grad_()
    quantized = MixedQuantizer()(residual)
    assert torch.equal(quantized.values, torch.round(residual))
    middle = (quantized.lower + quantized.upper) / 2
    assert float((middle - quantized.values).detach().abs().max()) > 0.5
    assert float((middle - residual).detach().abs().max()) <= 0.5 + 1e-6
    for part in quantized:
        assert torch.equal(gradient(part, residual), torch.ones_like(residual))
