"""Binarization: drawn in training, the sign when coding."""

from __future__ import annotations

import pytest
import torch

from lic_models.components import (
    AnsCoder,
    BinaryQuantizer,
    Factorized,
    JointEntropyModel,
    LayeredHyperprior,
)
from lic_models.components.latent_coding import QuantisedCoding
from lic_models.training.loss import estimated_bits
from pytest_lic.errors import CodecError, UsageError

ANY = torch.zeros((), dtype=torch.int64)


def test_coding_takes_the_sign_and_zero_is_positive() -> None:
    residual = torch.tensor([-3.0, -1e-9, -0.0, 0.0, 1e-9, 800.0]).view(1, 1, 1, -1)
    quantized = BinaryQuantizer().eval()(residual)
    assert quantized.values.flatten().tolist() == [-1, -1, 1, 1, 1, 1]
    assert bool((quantized.lower <= residual).all())
    assert bool((residual <= quantized.upper).all())
    assert BinaryQuantizer().symbols(residual, ANY).flatten().tolist() == [0, 0, 1, 1, 1, 1]


@pytest.mark.parametrize("residual", [-2.0, -0.3, 0.0, 0.7])
def test_training_draws_one_as_often_as_its_mean_asks_for(residual: float) -> None:
    torch.manual_seed(1)
    given = torch.full((1, 1, 200, 200), residual, requires_grad=True)
    quantized = BinaryQuantizer()(given)
    assert set(quantized.values.unique().tolist()) <= {-1.0, 1.0}
    mean = torch.tanh(torch.tensor(residual))
    assert float(quantized.values.detach().mean()) == pytest.approx(float(mean), abs=4 / 200)
    positive = quantized.values > 0
    assert bool((quantized.lower[positive] == 0).all())
    assert bool((quantized.upper[~positive] == 0).all())
    # The identity to tanh(x), whose slope is 1 − x².
    quantized.values.sum().backward()
    torch.testing.assert_close(given.grad, torch.full_like(given, float(1 - mean**2)))


def test_values_that_are_not_finite_are_refused() -> None:
    with pytest.raises(CodecError, match="not finite"):
        BinaryQuantizer().eval()(torch.full((1, 1, 1, 1), torch.nan))


def test_a_factorized_prior_codes_a_bit_a_latent() -> None:
    coding = QuantisedCoding(BinaryQuantizer(), Factorized(), AnsCoder())
    coding.build(6, "Test")
    generator = torch.Generator().manual_seed(2)
    latents = 3 * torch.randn((1, 6, 40, 40), generator=generator)
    coding.fit(latents)
    coding.quantizer.eval()
    coding.entropy_model.eval()
    coding.update()
    rated = coding.forward(latents)
    (string,) = coding.compress(latents[0])
    assert torch.equal(coding.decompress([string], (40, 40)), rated.values[0])
    estimate = float(estimated_bits(rated.likelihoods).detach())
    assert 8 * len(string) == pytest.approx(estimate, rel=0.01)
    assert estimate == pytest.approx(6 * 1600, rel=0.01)


@pytest.mark.parametrize("model", [JointEntropyModel, LayeredHyperprior])
def test_models_that_need_cells_of_one_step_refuse_it(model) -> None:
    with pytest.raises(UsageError, match=r"quantizer: .*BinaryQuantizer"):
        QuantisedCoding(BinaryQuantizer(), model()).build(16, "Test")
