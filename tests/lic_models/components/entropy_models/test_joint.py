"""The joint model decodes what it coded, for every kind in every seat, and costs what it says."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lic_models.codec import LearnedCodec
from lic_models.components import (
    AnsCoder,
    ConvolutionalTransform,
    EntropyCoder,
    JointEntropyModel,
    LearnedLevelsQuantizer,
    MeanScaleHyperprior,
    NoiseQuantizer,
    Quantizer,
    RangeCoder,
    RansCoder,
    UniversalQuantizer,
)
from lic_models.families import STAGES
from pytest_lic.adapters.compressai import compressai_family
from pytest_lic.errors import CodecError, CorruptBitstreamError, UsageError
from tests.lic_models.components.entropy_models.joint_parts import (
    CHANNELS,
    CONTEXTS,
    DISTRIBUTIONS,
    SIDE_INFORMATION,
    model,
    stir,
)

KINDS = [
    *[(side, "checkerboard", "gaussian") for side in SIDE_INFORMATION],
    *[("mean-scale", context, "gaussian") for context in CONTEXTS],
    *[("mean-scale", "uneven-groups", distribution) for distribution in DISTRIBUTIONS],
    ("none", "none", "gaussian"),
    ("scale", "autoregressive", "gaussian-mixture"),
]
each_kind = pytest.mark.parametrize("kind", KINDS, ids=["-".join(kind) for kind in KINDS])


def check_round_trip(
    model: JointEntropyModel, quantizer: Quantizer, coder: EntropyCoder, latents: torch.Tensor
) -> None:
    strings = model.compress(latents, quantizer, coder)
    size = (latents.size(1), latents.size(2))
    decoded = model.decompress(strings, size, quantizer, coder)
    assert decoded.dtype == torch.float32
    assert (decoded - latents).abs().max() <= 0.501 + 0.5  # dither moves a cell by half a step
    other = copy.deepcopy(model)
    assert torch.equal(other.decompress(strings, size, quantizer, coder), decoded)


@each_kind
@settings(max_examples=6, deadline=None)
@given(
    size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    width=st.sampled_from([0.0, 0.3, 3.0, 200.0, 1e5]),
)
def test_latents_of_any_size_decode(
    kind: tuple[str, str, str], size: tuple[int, int], width: float
) -> None:
    quantizer = NoiseQuantizer()
    check_round_trip(
        model(*kind, quantizer), quantizer, AnsCoder(), width * torch.randn(CHANNELS, *size)
    )


@pytest.mark.parametrize("coder", [AnsCoder, RangeCoder, RansCoder])
@pytest.mark.parametrize("distribution", ["gaussian", "gaussian-mixture"])
@pytest.mark.parametrize("quantizer", [NoiseQuantizer, lambda: UniversalQuantizer(7, seed=2)])
def test_every_coder_and_dither_decodes(
    coder: Callable[[], EntropyCoder], distribution: str, quantizer: Callable[[], Quantizer]
) -> None:
    made = quantizer()
    context = model("mean-scale", "checkerboard", distribution, made)
    check_round_trip(context, made, coder(), 4 * torch.randn(CHANNELS, 6, 5))


@each_kind
def test_the_bytes_are_what_training_rates(kind: tuple[str, str, str]) -> None:
    quantizer = NoiseQuantizer()
    rates = model(*kind, quantizer)
    latents = 3 * torch.randn(1, CHANNELS, 32, 32)
    with torch.no_grad():
        rated = rates(latents, quantizer)
    bits = sum(-float(part.double().log2().sum()) for part in rated.likelihoods.values())
    strings = rates.compress(latents[0], quantizer, AnsCoder())
    spent = 8 * sum(map(len, strings))
    assert spent == pytest.approx(bits, rel=0.01, abs=100)
    decoded = rates.decompress(strings, (32, 32), quantizer, AnsCoder())
    # In float32 a mean may be snapped to the next place.
    assert torch.allclose(decoded, rated.values[0], atol=1.01)
    assert ((decoded - rated.values[0]).abs() > 0.0005).double().mean() < 0.01


def test_a_start_from_a_hyperprior_is_that_hyperprior() -> None:
    torch.manual_seed(3)
    trained = MeanScaleHyperprior(CHANNELS, 8, kernel_sizes=(1, 3, 3))
    trained.fit(torch.randn(4, CHANNELS, 8, 8))
    quantizer = NoiseQuantizer().eval()
    latents = 3 * torch.randn(2, CHANNELS, 9, 10)
    for context in CONTEXTS:
        started = JointEntropyModel(
            SIDE_INFORMATION["mean-scale"](), CONTEXTS[context](), None, CHANNELS
        )
        started.load_state_dict(started.adopted(trained.state_dict()))
        started.train()
        trained.train()
        for part in (started, trained):
            torch.manual_seed(4)
            part.rated = part(latents, quantizer)
        for name, likelihood in trained.rated.likelihoods.items():
            assert torch.allclose(started.rated.likelihoods[name], likelihood, atol=2e-3)
        assert started.adopted(started.state_dict()).keys() == started.state_dict().keys()


@pytest.mark.parametrize("side", ["none", "scale"])
def test_other_side_information_starts_from_a_hyperprior_too(side: str) -> None:
    trained = MeanScaleHyperprior(CHANNELS, 8, kernel_sizes=(3, 5, 5))
    started = JointEntropyModel(SIDE_INFORMATION[side](), None, None, CHANNELS)
    started.load_state_dict(started.adopted(trained.state_dict()))
    assert torch.equal(started.log_unit, trained.log_unit)


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_training_has_gradients_everywhere(distribution: str) -> None:
    quantizer = NoiseQuantizer()
    trains = model("mean-scale", "uneven-groups", distribution, quantizer).train()
    quantizer.train()
    rated = trains(3 * torch.randn(2, CHANNELS, 8, 8), quantizer)
    sum(-part.log2().sum() for part in rated.likelihoods.values()).backward()
    lacking = [
        name
        for name, parameter in trains.named_parameters()
        if parameter.grad is None and not name.endswith("quantiles")
    ]
    assert lacking == []
    assert all(
        bool(torch.isfinite(parameter.grad).all())
        for parameter in trains.parameters()
        if parameter.grad is not None
    )


def test_a_stream_of_another_context_is_refused() -> None:
    quantizer = NoiseQuantizer()
    coded = model("mean-scale", "checkerboard", "gaussian", quantizer)
    other = model("mean-scale", "channel-wise", "gaussian", quantizer)
    other.side_information = coded.side_information
    strings = coded.compress(3 * torch.randn(CHANNELS, 8, 8), quantizer, AnsCoder())
    with pytest.raises(CorruptBitstreamError, match="coded with other tables or indices"):
        other.decompress(strings, (8, 8), quantizer, AnsCoder())
    with pytest.raises(CorruptBitstreamError, match="1 strings of a latent; expected 2"):
        coded.decompress(strings[:1], (8, 8), quantizer, AnsCoder())


def test_what_does_not_fit_is_refused() -> None:
    wide = LearnedLevelsQuantizer(2)
    with torch.no_grad():
        wide.steps.add_(0.3)
    with pytest.raises(UsageError, match="LearnedLevelsQuantizer are not one step wide"):
        model("mean-scale", "checkerboard", "gaussian", wide)
    fresh = JointEntropyModel(latent_channels=CHANNELS)
    with pytest.raises(CodecError, match="no tables of"):
        fresh.compress(torch.zeros(CHANNELS, 2, 2), NoiseQuantizer(), AnsCoder())
    quantizer = NoiseQuantizer()
    broken = model("mean-scale", "checkerboard", "gaussian", quantizer)
    next(iter(broken.context.parameters())).data.fill_(torch.nan)
    with pytest.raises(CodecError, match="predicts what is not finite; look for NaN"):
        broken.compress(torch.zeros(CHANNELS, 4, 4), quantizer, AnsCoder())


def test_tables_travel_with_the_weights() -> None:
    quantizer = NoiseQuantizer()
    for distribution in ("laplace", "gaussian-mixture"):
        made = model("mean-scale", "checkerboard", distribution, quantizer)
        stored = {
            name: type(tables).from_arrays(tables.to_arrays())
            for name, tables in made.tables.items()
        }
        assert {name: tables.count for name, tables in stored.items()} == made.table_counts(
            quantizer
        )
        latents = 2 * torch.randn(CHANNELS, 7, 5)
        strings = made.compress(latents, quantizer, AnsCoder())
        loaded = model("mean-scale", "checkerboard", distribution, quantizer)
        loaded.load_state_dict(made.state_dict())
        loaded.load_tables(stored, quantizer)
        assert loaded.compress(latents, quantizer, AnsCoder()) == strings


def test_stages_of_decoding_are_told_apart() -> None:
    def build() -> LearnedCodec:
        joint = JointEntropyModel(None, CONTEXTS["checkerboard"]())
        codec = LearnedCodec(ConvolutionalTransform(channels=4, latent_channels=8), None, joint)
        codec.update()
        return codec

    family = compressai_family("joint", build, ["1"], stages=STAGES, synthesis=STAGES["synthesis"])
    codec = family.build("1", "cpu")
    (stream,) = codec.encode(torch.rand(1, 3, 64, 64))
    names = [name for name, _ in codec.decode_stages(stream)]
    assert names[:4] == ["hyper-latents", "hyper-synthesis", "table indices", "symbols"]
    assert "latents" in names


def test_stages_are_noted_once_for_all_passes() -> None:
    codec = LearnedCodec(entropy_model=JointEntropyModel(None, CONTEXTS["checkerboard"]()))
    stir(codec.entropy_model.context)
    codec.update()
    codec.eval()
    coded = codec.compress(torch.rand(1, 3, 64, 64))
    noted: dict[str, list[torch.Tensor]] = {}
    with codec.noting(lambda stage, values: noted.setdefault(stage, []).append(values)):
        codec.decompress(coded["strings"], coded["shape"])
    count = codec.transform.latent_channels * int(np.prod(coded["shape"]))
    assert {stage: [len(each) for each in values] for stage, values in noted.items()} == {
        "table indices": [count],
        "symbols": [count],
    }
