"""The factorized prior: its rates, its tables, and how wide it is made."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import entropy, norm

from lic_models.components import (
    AnsCoder,
    Factorized,
    MeanScaleHyperprior,
    NoiseQuantizer,
    ScaleHyperprior,
)
from tests.helpers.entropy_cases import (
    bits_of,
    compressais,
    fitted,
    latents_like_photographs,
    random_density,
    with_density,
)

M = 6


def test_the_factorized_prior_rates_and_rounds_as_compressais() -> None:
    density = random_density(M)
    latents = latents_like_photographs(M, 8, 9, batch=2)
    values, likelihoods = compressais(density).eval()(latents)
    rated = with_density(density)(latents, NoiseQuantizer().eval())
    torch.testing.assert_close(rated.values, values, rtol=0, atol=1e-5)
    likely = likelihoods > 1e-4  # CompressAI's has fewer digits where little is left
    torch.testing.assert_close(rated.likelihoods["latents"][likely], likelihoods[likely])


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


def test_density_tables_hold_the_likelihoods_of_the_rounded_latents() -> None:
    model = with_density(random_density(M))
    model.update(NoiseQuantizer())
    tables = model.tables["latents"]
    medians = model.density.quantiles[:, 0, 1].detach()
    for channel in range(M):
        found = tables.row(channel)[:-1] / 2**16
        symbols = torch.arange(len(found)) + int(tables.offsets[channel])
        latents = torch.zeros(1, M, 1, len(found))
        latents[0, channel, 0] = symbols + medians[channel]
        likelihoods = model(latents, NoiseQuantizer().eval()).likelihoods["latents"]
        expected = likelihoods[0, channel, 0].detach().numpy()
        np.testing.assert_allclose(found, expected, rtol=0.01, atol=2 / 2**16)
        assert 1 - expected.sum() < 1e-7


def test_a_channel_too_wide_for_any_table_is_coded_by_escapes() -> None:
    torch.manual_seed(0)
    latents = torch.randn(1, M, 8, 8) * 3000
    model = fitted(Factorized, latents)
    model.update(NoiseQuantizer())
    strings = model.compress(latents[0], NoiseQuantizer(), AnsCoder())
    decoded = model.decompress(strings, (8, 8), NoiseQuantizer(), AnsCoder())
    assert float((decoded - latents[0]).abs().max()) < 0.501
    wide = ScaleHyperprior(M, hyper_channels=4, scale_range=(1.0, 1e6))
    wide.update(NoiseQuantizer())
    assert wide.tables["latents"].count == 64
