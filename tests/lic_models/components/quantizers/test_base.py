"""What every scalar quantizer does, in training and in coding."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from lic_models.components.quantizers import (
    SYMBOL_LIMIT,
    LearnedLevelsQuantizer,
    MixedQuantizer,
    NoiseQuantizer,
    Quantizer,
    SoftRoundingQuantizer,
    StraightThroughQuantizer,
    UniversalQuantizer,
)
from pytest_lic.errors import CodecError
from tests.helpers.residuals import gradient, latent

EVERY = [
    NoiseQuantizer,
    StraightThroughQuantizer,
    MixedQuantizer,
    UniversalQuantizer,
    SoftRoundingQuantizer,
    LearnedLevelsQuantizer,
]


@pytest.mark.parametrize("make", EVERY)
def test_training_keeps_gradients_from_rate_and_synthesis_to_the_residual(
    make: Callable[[], Quantizer],
) -> None:
    torch.manual_seed(1)
    residual = (3 * torch.randn(2, 4, 5, 6)).requires_grad_()
    for part in make()(residual):
        given = gradient(part, residual)
        assert part.shape == residual.shape
        assert bool(torch.isfinite(given).all())
        assert float((given > 0).float().mean()) > 0.99


@pytest.mark.parametrize("make", EVERY)
def test_evaluation_estimates_with_what_is_coded(make: Callable[[], Quantizer]) -> None:
    torch.manual_seed(2)
    quantizer = make().eval()
    residual = 3 * torch.randn(2, 4, 5, 6)
    estimated = quantizer(residual)
    variant = quantizer.variant((4, 5, 6))
    symbols = quantizer.symbols(residual, variant)
    assert symbols.dtype == torch.int32
    assert torch.equal(estimated.values, quantizer.values(symbols, variant))
    for given, coded in zip(estimated[:2], quantizer.edges(symbols, variant), strict=True):
        assert torch.equal(given, coded)


@pytest.mark.parametrize("make", EVERY)
def test_training_leaves_half_precision(make: Callable[[], Quantizer]) -> None:
    residual = latent(300.3, -0.2).to(torch.bfloat16)
    for quantizer in (make(), make().eval()):
        quantized = quantizer(residual)
        assert all(part.dtype == torch.float32 for part in quantized)
        assert bool((quantized.upper > quantized.lower).all())


@pytest.mark.parametrize("make", EVERY)
@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), -float("inf")])
def test_coding_refuses_residuals_that_are_not_finite(
    make: Callable[[], Quantizer], wrong: float
) -> None:
    with pytest.raises(CodecError, match=r"1 of 3 residuals are not finite.*\(0, 0, 0, 1\)"):
        make().eval()(latent(0.0, wrong, 1.0))


@pytest.mark.parametrize("make", EVERY)
def test_far_residuals_saturate(make: Callable[[], Quantizer]) -> None:
    quantizer = make()
    residual = latent(-3e38, -1e9, 1e9, 3e38)
    symbols = quantizer.symbols(residual, quantizer.variant((1, 1, 4)))
    assert symbols.flatten().tolist() == [-SYMBOL_LIMIT] * 2 + [SYMBOL_LIMIT] * 2


@pytest.mark.parametrize("make", EVERY)
def test_only_learned_levels_have_weights(make: Callable[[], Quantizer]) -> None:
    assert list(make().state_dict()) == (["steps"] if make is LearnedLevelsQuantizer else [])


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA GPU here")
@pytest.mark.parametrize("make", EVERY)
def test_a_gpu_codes_what_the_cpu_codes(make: Callable[[], Quantizer]) -> None:
    torch.manual_seed(8)
    residual = 6 * torch.randn(2, 4, 16, 16)
    there = make().cuda().eval()(residual.cuda())
    for here, coded in zip(make().eval()(residual), there, strict=True):
        assert coded.is_cuda
        assert torch.equal(here, coded.cpu())
