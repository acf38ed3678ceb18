"""Hyperpriors: the Gaussians that they predict, their tables, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import norm

from lic_models.components import (
    AnsCoder,
    MeanScaleHyperprior,
    NoiseQuantizer,
    ScaleHyperprior,
    UniversalQuantizer,
)
from pytest_lic.errors import CodecError
from tests.helpers.entropy_cases import compressais, fitted, latents_like_photographs

M = 6


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


@pytest.mark.parametrize("levels", [1, 3])
def test_gaussian_tables_hold_scipys_probabilities_level_by_level(levels: int) -> None:
    model = ScaleHyperprior(M, hyper_channels=4, scale_levels=5, scale_range=(0.2, 20.0))
    quantizer = UniversalQuantizer(levels)
    model.update(quantizer)
    tables = model.tables["latents"]
    assert tables.count == 5 * levels
    dithers = (2 * np.arange(levels) + 1 - levels) / (2 * levels)
    for index, scale in enumerate(np.geomspace(0.2, 20, 5)):
        for level, dither in enumerate(dithers):
            table = index * levels + level
            found = tables.row(table)[:-1] / 2**16
            centres = tables.offsets[table] + np.arange(len(found)) + dither
            mass = norm.cdf((centres + 0.5) / scale) - norm.cdf((centres - 0.5) / scale)
            # Each count is at least 1, which the likely symbols pay for.
            np.testing.assert_allclose(found, mass, rtol=0.005, atol=2 / 2**16)
            assert 1 - mass.sum() < 5e-6
