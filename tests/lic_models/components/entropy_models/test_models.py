"""Entropy models: probabilities against other libraries', and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import entropy, norm
from torch.autograd import gradcheck

from lic_models.components import (
    AnsCoder,
    EntropyModel,
    Factorized,
    MeanScaleHyperprior,
    NoiseQuantizer,
    ScaleHyperprior,
)
from lic_models.components.entropy_models.masses import gaussian_mass
from pytest_lic.errors import CodecError, CorruptBitstreamError, UsageError
from tests.helpers.entropy_cases import (
    MODELS,
    bits_of,
    compressais,
    fitted,
    latents_like_photographs,
    random_density,
    with_density,
)

M = 6
each_model = pytest.mark.parametrize("kind", MODELS)


# Probabilities.


def test_the_factorized_prior_rates_and_rounds_as_compressais() -> None:
    density = random_density(M)
    latents = latents_like_photographs(M, 8, 9, batch=2)
    values, likelihoods = compressais(density).eval()(latents)
    rated = with_density(density)(latents, NoiseQuantizer().eval())
    torch.testing.assert_close(rated.values, values, rtol=0, atol=1e-5)
    likely = likelihoods > 1e-4  # CompressAI's has fewer digits where little is left
    torch.testing.assert_close(rated.likelihoods["latents"][likely], likelihoods[likely])


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


def test_density_masses_keep_their_digits_in_single_precision() -> None:
    density = random_density(M)
    edges = torch.tensor([-150.0, -40.0, 40.0, 150.0]).expand(1, M, 1, -1)
    single = density.mass(edges, edges + 1)
    double = density.double().mass(edges.double(), edges.double() + 1)
    assert double.min() < 1e-9
    torch.testing.assert_close(single.double(), double, rtol=1e-3, atol=0)


def test_mass_gradients_are_those_of_finite_differences() -> None:
    torch.manual_seed(0)
    lower = torch.randn(1, 2, 2, 2).double().requires_grad_()
    upper = (lower.detach() + 0.2 + torch.rand_like(lower)).requires_grad_()
    assert gradcheck(gaussian_mass, (lower, upper))
    density = random_density(2).double()
    assert gradcheck(density.mass, (lower, upper))


@pytest.mark.parametrize("kind", [ScaleHyperprior, MeanScaleHyperprior])
def test_hyperpriors_rate_by_the_gaussians_that_they_predict(kind: type[ScaleHyperprior]) -> None:
    latents = latents_like_photographs(M, 8, 12, batch=2)
    model = fitted(kind, latents).eval()
    with torch.no_grad():
        rated = model(latents, NoiseQuantizer().eval())
        unit = model.log_unit.exp()[:, None, None]
        z = model.hyper_analysis((latents if kind is MeanScaleHyperprior else latents.abs()) / unit)
        z_hat, z_likelihoods = compressais(model.hyper_prior.density).eval()(z)
        predicted = model.hyper_synthesis(z_hat)
        means = predicted[:, :M] * unit if kind is MeanScaleHyperprior else torch.zeros(1)
        scales = (predicted[:, -M:].exp() * unit).clamp(0.11, 256).numpy()
    symbols = (latents - means).round().numpy()
    expected = norm.cdf((symbols + 0.5) / scales) - norm.cdf((symbols - 0.5) / scales)
    np.testing.assert_allclose(rated.values, symbols + means.numpy(), rtol=1e-5, atol=1e-5)
    coded = np.maximum(expected, 2.0**-16)  # what an entry of a table has at least
    np.testing.assert_allclose(rated.likelihoods["latents"], coded, rtol=1e-3, atol=1e-6)
    found = rated.likelihoods["hyper_latents"]
    torch.testing.assert_close(found, z_likelihoods, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("deviation", [0.4, 3.0, 60.0])
def test_fit_makes_densities_as_wide_as_their_channels(deviation: float) -> None:
    torch.manual_seed(0)
    latents = torch.randn(4, M, 32, 32) * deviation
    symbols = np.arange(-400, 401)
    mass = norm.cdf((symbols + 0.5) / deviation) - norm.cdf((symbols - 0.5) / deviation)
    ideal = entropy(mass, base=2) * latents.numel()
    for kind in (Factorized, MeanScaleHyperprior):
        model = kind(M)
        model.fit(latents)
        assert bits_of(model, NoiseQuantizer().eval(), latents) < 1.15 * ideal + latents.numel() / 4


# What is refused.


@each_model
def test_coding_without_tables_is_refused_with_what_to_do(kind: type[EntropyModel]) -> None:
    model = fitted(kind, latents_like_photographs(M, 8, 8))
    with pytest.raises(CodecError, match=r"no tables of .*; make them with the codec's update\(\)"):
        model.compress(torch.zeros(M, 8, 8), NoiseQuantizer(), AnsCoder())
    strings = [b"a"] if kind is Factorized else [b"a", b"b"]
    with pytest.raises(CodecError, match="no tables of"):
        model.decompress(strings, (8, 8), NoiseQuantizer(), AnsCoder())


@each_model
@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_latents_that_are_not_finite_are_refused(kind: type[EntropyModel], wrong: float) -> None:
    latents = latents_like_photographs(M, 8, 8)
    model = fitted(kind, latents).eval()
    model.update(NoiseQuantizer())
    latents[0, 2, 3, 4] = wrong
    with pytest.raises(CodecError, match="not finite"):
        model.compress(latents[0], NoiseQuantizer(), AnsCoder())
    with pytest.raises(CodecError, match="not finite"):
        model(latents, NoiseQuantizer().eval())


def test_weights_that_are_not_finite_are_refused_when_tables_are_made() -> None:
    model = fitted(ScaleHyperprior, latents_like_photographs(M, 8, 8))
    with torch.no_grad():
        model.hyper_prior.density.biases[2][0] = float("nan")
    with pytest.raises(CodecError, match=r"density\.biases\.2 is not finite"):
        model.update(NoiseQuantizer())


@pytest.mark.parametrize("channel", [0, -1])
def test_predictions_that_are_not_finite_are_refused(channel: int) -> None:
    latents = latents_like_photographs(M, 8, 8)
    model = fitted(MeanScaleHyperprior, latents)
    model.update(NoiseQuantizer())
    with torch.no_grad():
        model.hyper_synthesis[-1].bias[channel] = float("nan")
    with pytest.raises(CodecError, match="predicts means or scales that are not finite"):
        model.compress(latents[0], NoiseQuantizer(), AnsCoder())


@each_model
def test_another_number_of_strings_is_refused(kind: type[EntropyModel]) -> None:
    latents = latents_like_photographs(M, 8, 8)
    model = fitted(kind, latents)
    model.update(NoiseQuantizer())
    strings = model.compress(latents[0], NoiseQuantizer(), AnsCoder())
    for wrong in ([], [*strings, b""]):
        with pytest.raises(CorruptBitstreamError, match=f"{len(wrong)} strings of a latent"):
            model.decompress(wrong, (8, 8), NoiseQuantizer(), AnsCoder())


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"latent_channels": 0}, "latent_channels: 0; expected at least 1"),
        ({"hyper_channels": 0}, "hyper_channels: 0; expected at least 1"),
        (
            {"scale_range": (0.0, 2.0)},
            r"scale_range: \(0.0, 2.0\) in 64 scale_levels; expected 0 <",
        ),
        ({"scale_range": (3.0, 2.0)}, r"scale_range: \(3.0, 2.0\)"),
        ({"scale_range": (1.0, float("inf"))}, "both finite"),
        ({"scale_levels": 1}, "in 1 scale_levels; expected .* at least 2 levels"),
        ({"kernel_sizes": (3, 5)}, r"kernel_sizes: \(3, 5\); expected three odd numbers"),
        ({"kernel_sizes": (3, 4, 5)}, r"kernel_sizes: \(3, 4, 5\); expected three odd"),
    ],
)
def test_arguments_that_make_no_model_are_refused(arguments: dict[str, object], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        MeanScaleHyperprior(**arguments)


@each_model
def test_a_model_is_built_once_its_channels_are_known(kind: type[EntropyModel]) -> None:
    model = kind()
    assert model.latent_channels is None
    assert not list(model.parameters())
    with pytest.raises(UsageError, match="latent_channels: 0"):
        model.build(0)
    model.build(M)
    assert model.state_dict().keys() == kind(M).state_dict().keys()
    with pytest.raises(UsageError, match=r"fit: latents of shape \(1, 6, 1, 1\)"):
        model.fit(torch.zeros(1, M, 1, 1))
