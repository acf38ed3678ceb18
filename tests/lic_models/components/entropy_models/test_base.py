"""What every entropy model does: built late, made into tables, and refusing what is wrong."""

from __future__ import annotations

import copy

import pytest
import torch

from lic_models.components import (
    AnsCoder,
    EntropyModel,
    Factorized,
    LearnedLevelsQuantizer,
    MeanScaleHyperprior,
    NoiseQuantizer,
    Quantizer,
    UniversalQuantizer,
)
from pytest_lic.errors import CodecError, CorruptBitstreamError, UsageError, WeightsError
from tests.helpers.entropy_cases import (
    MODELS,
    QUANTIZERS,
    bits_of,
    fitted,
    latents_like_photographs,
    quantizer_of,
)

M = 6
each_model = pytest.mark.parametrize("kind", MODELS)


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
