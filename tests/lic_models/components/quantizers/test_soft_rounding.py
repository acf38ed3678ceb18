"""Soft rounding is the function of its paper, stable from the identity to hard rounding."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import Laplace

from lic_models.components.quantizers import NoiseQuantizer, SoftRoundingQuantizer
from lic_models.components.quantizers.soft_rounding import soft_round, soft_round_inverse
from pytest_lic.errors import UsageError


def by_hand(y: float, alpha: float) -> float:
    """s_α as the paper prints it."""
    r = y - math.floor(y) - 0.5
    return math.floor(y) + 0.5 * math.tanh(alpha * r) / math.tanh(alpha / 2) + 0.5


def grid(low: float = -3.0, high: float = 3.0, count: int = 1201) -> Tensor:
    return torch.linspace(low, high, count, dtype=torch.float64)


@pytest.mark.parametrize("alpha", [0.01, 0.5, 1.0, 4.0, 13.0])
def test_soft_rounding_is_the_published_formula(alpha: float) -> None:
    values = grid(count=997)
    expected = torch.tensor([by_hand(float(y), alpha) for y in values], dtype=torch.float64)
    torch.testing.assert_close(soft_round(values, alpha), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("alpha", [0.0, 1e-3, 0.5, 2.0, 30.0, 1000.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_integers_and_halves_stay_where_they_are(alpha: float, dtype: torch.dtype) -> None:
    fixed = torch.arange(-6, 7, dtype=dtype) / 2
    torch.testing.assert_close(soft_round(fixed, alpha), fixed, rtol=0, atol=1e-6)
    torch.testing.assert_close(soft_round_inverse(fixed, alpha), fixed, rtol=0, atol=1e-6)


@pytest.mark.parametrize("alpha", [0.0, 1e-5, 2e-4, 0.3, 0.999, 1.0, 5.0, 15.0])
def test_the_inverse_undoes_soft_rounding(alpha: float) -> None:
    values = grid(count=997)
    there_and_back = soft_round_inverse(soft_round(values, alpha), alpha)
    torch.testing.assert_close(there_and_back, values, rtol=0, atol=1e-7)
    back_and_there = soft_round(soft_round_inverse(values, alpha), alpha)
    torch.testing.assert_close(back_and_there, values, rtol=0, atol=1e-7)


def test_soft_rounding_tends_to_the_identity_and_to_rounding() -> None:
    values = grid(count=997)
    away_from_halves = (values - torch.floor(values) - 0.5).abs() > 0.02
    for small in (0.0, 1e-8, 1e-5, 1e-4, 1e-3):
        torch.testing.assert_close(soft_round(values, small), values, rtol=0, atol=1e-6)
        torch.testing.assert_close(soft_round_inverse(values, small), values, rtol=0, atol=1e-6)
    for large in (1e3, 1e5, 1e30):
        rounded = torch.round(values)[away_from_halves]
        torch.testing.assert_close(soft_round(values, large)[away_from_halves], rounded)


@pytest.mark.parametrize("alpha", [0.0, 1e-4, 0.5, 1.0, 6.0, 80.0, 100.0, 1e4])
def test_float32_stays_finite_and_increasing(alpha: float) -> None:
    values = grid(-2, 2, 4001).float().requires_grad_()
    for function in (soft_round, soft_round_inverse):
        mapped = function(values, alpha)
        assert bool(torch.isfinite(mapped).all())
        assert float((mapped.detach().diff()).min()) > -1e-6
        assert bool(torch.isfinite(torch.autograd.grad(mapped.sum(), values)[0]).all())


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0, 3.0, 7.0])
def test_gradients_are_those_of_the_function(alpha: float) -> None:
    torch.manual_seed(1)
    # Off the integers, where the slope of the inverse and of s_α has its kink.
    values = torch.randint(-3, 3, (40,)) + 0.05 + 0.9 * torch.rand(40, dtype=torch.float64)
    values.requires_grad_()
    assert torch.autograd.gradcheck(lambda y: soft_round(y, alpha), values)
    assert torch.autograd.gradcheck(lambda y: soft_round_inverse(y, alpha), values)


@pytest.mark.parametrize("alpha", [0.0, 0.7, 3.0, 9.0])
def test_values_are_the_conditional_mean_and_edges_its_interval(alpha: float) -> None:
    quantizer = SoftRoundingQuantizer(alpha, alpha)
    torch.manual_seed(2)
    residual = 4 * torch.rand(1, 1, 1, 12, dtype=torch.float64) - 2
    torch.manual_seed(3)
    quantized = quantizer(residual)
    torch.manual_seed(3)
    noisy = soft_round(residual, alpha) + torch.rand_like(residual) - 0.5
    # All y that could have given this noisy value, equally likely: noise has one density.
    possible = grid(-5, 5, 1_000_001)
    softened = soft_round(possible, alpha)
    for index in range(12):
        inside = possible[(softened - noisy.flatten()[index]).abs() <= 0.5]
        lower, upper, value = (float(part.flatten()[index]) for part in quantized)
        assert lower == pytest.approx(float(inside.min()), abs=3e-5)
        assert upper == pytest.approx(float(inside.max()), abs=3e-5)
        assert value == pytest.approx(float(inside.mean()), abs=3e-5)


def test_without_softening_it_is_the_noise_quantizer_and_at_its_hardest_rounding() -> None:
    torch.manual_seed(4)
    residual = 3 * torch.randn(1, 2, 8, 8, dtype=torch.float64)
    quantized = []
    for quantizer in (SoftRoundingQuantizer(0, 0), NoiseQuantizer()):
        torch.manual_seed(5)
        quantized.append(quantizer(residual))
    for soft, noisy in zip(*quantized, strict=True):
        torch.testing.assert_close(soft, noisy)
    hard, coded = SoftRoundingQuantizer(1e5, 1e5)(residual), NoiseQuantizer().eval()(residual)
    for soft, rounded in zip(hard, coded, strict=True):
        assert float((soft - rounded).abs().median()) < 1e-3
        assert float(((soft - rounded).abs() < 0.01).double().mean()) > 0.95


def test_hardening_closes_the_gap_between_the_trained_and_the_coded_cost() -> None:
    """The rate and error of a narrow Laplace source approach those of rounding as α grows."""
    source = Laplace(torch.tensor(0.0, dtype=torch.float64), torch.tensor(0.3))
    torch.manual_seed(6)
    residual = source.sample((1, 1, 100, 500))

    def cost(quantizer: SoftRoundingQuantizer) -> tuple[float, float]:
        lower, upper, values = quantizer(residual)
        rate = -(source.cdf(upper) - source.cdf(lower)).log2().mean()
        return float(rate), float(((values - residual) ** 2).mean())

    coded = cost(SoftRoundingQuantizer().eval())
    trained = [cost(SoftRoundingQuantizer(alpha, alpha)) for alpha in (0, 3, 6, 12)]
    for part in range(2):
        gaps = [each[part] - coded[part] for each in trained]
        assert gaps == sorted(gaps, reverse=True)
        assert 0 < gaps[2] < gaps[0] / 2


def test_annealing_goes_from_start_to_end_and_stays_there() -> None:
    quantizer = SoftRoundingQuantizer(alpha_start=0.5, alpha_end=8)
    seen = []
    for progress in (0, 0.25, 0.5, 1, 1.5):
        quantizer.anneal(progress)
        seen.append(quantizer.alpha)
    assert seen == pytest.approx([0.5, 1, 2, 8, 8])
    from_identity = SoftRoundingQuantizer(alpha_start=0, alpha_end=8)
    from_identity.anneal(0.25)
    assert from_identity.alpha == 2


def test_annealing_hardens_training_and_leaves_coding_alone() -> None:
    quantizer = SoftRoundingQuantizer(0, 12)
    residual = torch.full((1, 1, 50, 50), 0.2)

    def spread() -> float:
        return float(quantizer.train()(residual).values.std())

    before, coded_before = spread(), quantizer.eval()(residual)
    quantizer.anneal(1)
    assert spread() < before / 2
    for one, other in zip(coded_before, quantizer.eval()(residual), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("wrong", [-1.0, float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["alpha_start", "alpha_end"])
def test_an_alpha_out_of_range_is_refused(name: str, wrong: float) -> None:
    with pytest.raises(UsageError, match=f"{name}=.*give a finite number"):
        SoftRoundingQuantizer(**{name: wrong})
