"""The tables that entropy models make for the coder, against scipy and their own likelihoods."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from scipy.stats import norm

from lic_models.components import (
    AnsCoder,
    EntropyModel,
    Factorized,
    LearnedLevelsQuantizer,
    NoiseQuantizer,
    Quantizer,
    ScaleHyperprior,
    UniversalQuantizer,
)
from pytest_lic.errors import WeightsError
from tests.helpers.entropy_cases import (
    MODELS,
    QUANTIZERS,
    bits_of,
    fitted,
    latents_like_photographs,
    quantizer_of,
    random_density,
    with_density,
)

M = 6
each_model = pytest.mark.parametrize("kind", MODELS)


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


def test_tables_reach_as_far_as_the_cells_of_small_learned_levels() -> None:
    quantizer = LearnedLevelsQuantizer(learned_up_to=40).eval()
    with torch.no_grad():
        quantizer.steps.fill_(-1.0)  # a third of a unit each
    latents = latents_like_photographs(M, 32, 32)
    for kind in MODELS:
        model = fitted(kind, latents)
        model.update(quantizer)
        estimated = bits_of(model, quantizer, latents) / 8
        strings = model.compress(latents[0], quantizer, AnsCoder())
        assert sum(map(len, strings)) == pytest.approx(estimated, rel=0.015)


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


@each_model
def test_updating_finds_the_quantiles_and_leaves_random_numbers_alone(
    kind: type[EntropyModel],
) -> None:
    model = fitted(kind, latents_like_photographs(M, 16, 16))
    before = float(model.auxiliary_loss().detach())
    torch.manual_seed(7)
    model.update(NoiseQuantizer())
    drawn = torch.rand(1)
    torch.manual_seed(7)
    assert torch.equal(drawn, torch.rand(1))
    assert float(model.auxiliary_loss().detach()) < before / 20


@each_model
@pytest.mark.parametrize("make", QUANTIZERS)
def test_tables_of_a_copy_are_equal_and_load_where_they_fit(
    kind: type[EntropyModel], make: type[Quantizer]
) -> None:
    quantizer = quantizer_of(make)
    model = fitted(kind, latents_like_photographs(M, 8, 8))
    twin = copy.deepcopy(model)
    model.update(quantizer)
    twin.update(quantizer)
    assert model.tables == twin.tables
    counts = {name: each.count for name, each in model.tables.items()}
    assert counts == model.table_counts(quantizer)
    fresh = fitted(kind, latents_like_photographs(M, 8, 8))
    fresh.load_tables(model.tables, quantizer)
    assert fresh.tables == model.tables
    other = UniversalQuantizer(7)
    with pytest.raises(WeightsError, match=r"found tables: .* with UniversalQuantizer codes with"):
        fresh.load_tables(model.tables, other)
    with pytest.raises(WeightsError, match="found no tables"):
        fresh.load_tables({}, quantizer)
