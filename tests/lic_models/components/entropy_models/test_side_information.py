"""Two hyper-layers, and global tokens: what they tell, what they begin with, what they refuse."""

from __future__ import annotations

import copy
import functools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from lic_models.codec import LearnedCodec
from lic_models.components import (
    AnsCoder,
    CoarseToFineInformation,
    ConvolutionalTransform,
    GlobalTokensInformation,
    JointEntropyModel,
    MeanScaleHyperprior,
    MeanScaleInformation,
    SideInformation,
)
from lic_models.families import STAGES
from pytest_lic.adapters.compressai import compressai_family
from pytest_lic.errors import CodecError, CorruptBitstreamError, UsageError
from tests.lic_models.components.entropy_models.joint_parts import (
    CHANNELS,
    SIDE_INFORMATION,
    stir_side_information,
)

KINDS = ("coarse-to-fine", "global-tokens")
SENT = {
    "coarse-to-fine": ("hyper_latents", "coarse_hyper_latents"),
    "global-tokens": ("hyper_latents", "global_tokens"),
}
each_kind = pytest.mark.parametrize("kind", KINDS)


def made(kind: str) -> SideInformation:
    """With tables, in evaluation mode, and with weights such that all that is sent has a share."""
    return copy.deepcopy(_made(kind))


@functools.cache
def _made(kind: str) -> SideInformation:
    torch.manual_seed(5)
    side = SIDE_INFORMATION[kind]()
    side.build(CHANNELS)
    stir_side_information(side)
    with torch.no_grad():
        if kind == "coarse-to-fine":
            side.hyper_analysis[0].weight.mul_(8)  # or z₁ would be all zeros
        else:
            side.token_analysis.coded[1].weight.mul_(8)
    side.fit(torch.randn(4, CHANNELS, 12, 12))
    if kind == "coarse-to-fine":
        with torch.no_grad():
            side.log_step.sub_(2.0)  # steps are so wide at first that nothing is sent
    side.update()
    return side.eval()


@each_kind
@settings(max_examples=10, deadline=None)
@given(size=st.tuples(st.integers(1, 11), st.integers(1, 11)))
def test_the_decoder_is_told_what_the_encoder_was(kind: str, size: tuple[int, int]) -> None:
    side = made(kind)
    with torch.no_grad():
        strings, features = side.compress(3 * torch.randn(CHANNELS, *size), AnsCoder())
        told = side.decompress(strings, size, AnsCoder())
    assert len(strings) == side.strings
    assert features.dtype == torch.float64
    assert features.shape == (1, 2 * CHANNELS, *size)
    assert torch.equal(told, features)


@each_kind
def test_training_is_rated_by_what_coding_costs(kind: str) -> None:
    side = made(kind)
    latents = torch.randn(1, CHANNELS, 40, 48)
    with torch.no_grad():
        features, likelihoods = side(latents)
        strings, coded = side.compress(latents[0], AnsCoder())
    torch.testing.assert_close(features, coded.float(), rtol=1e-3, atol=1e-4)
    assert tuple(likelihoods) == SENT[kind]
    for string, rated in zip(strings, likelihoods.values(), strict=True):
        bits = -float(rated.double().log2().sum())
        assert 8 * len(string) == pytest.approx(bits, rel=0.01, abs=60)


@each_kind
@pytest.mark.parametrize("kernels", [(1, 3, 3), (3, 5, 5)])
@pytest.mark.parametrize("size", [(1, 1), (9, 10), (6, 3)])
def test_a_hyperpriors_weights_tell_what_they_told(
    kind: str, kernels: tuple[int, int, int], size: tuple[int, int]
) -> None:
    torch.manual_seed(6)
    trained = MeanScaleHyperprior(CHANNELS, 8, kernel_sizes=kernels)
    trained.fit(torch.randn(4, CHANNELS, 8, 8))
    plain = MeanScaleInformation(8, kernels)
    kinds = {"coarse-to-fine": CoarseToFineInformation, "global-tokens": GlobalTokensInformation}
    side = kinds[kind](8, kernels)
    for part in (plain, side):
        part.build(CHANNELS)
        own = part.state_dict()
        part.load_state_dict(own | part.adopted(trained.state_dict()))
        part.eval()
    latents = torch.randn(2, CHANNELS, *size)
    features, likelihoods = side(latents)
    expected, rated = plain(latents)
    torch.testing.assert_close(features, expected, rtol=1e-4, atol=1e-5)
    z = "coarse_hyper_latents" if kind == "coarse-to-fine" else "hyper_latents"
    torch.testing.assert_close(likelihoods[z], rated["hyper_latents"], rtol=1e-3, atol=1e-5)


def test_nothing_of_a_codec_without_hyper_layers_is_adopted() -> None:
    side = made("coarse-to-fine")
    assert side.adopted({"density.quantiles": torch.zeros(1)}) == {}


@each_kind
def test_training_reaches_every_parameter(kind: str) -> None:
    side = made(kind).train()
    features, likelihoods = side(torch.randn(2, CHANNELS, 8, 8))
    loss = features.square().sum() - sum(part.log2().sum() for part in likelihoods.values())
    (loss + side.auxiliary_loss()).backward()
    for name, parameter in side.named_parameters():
        assert bool(torch.isfinite(parameter.grad).all()), name
        assert float(parameter.grad.abs().sum()) > 0, name


@each_kind
def test_each_string_matters_and_a_damaged_one_is_noticed(kind: str) -> None:
    side, coder, size = made(kind), AnsCoder(), (16, 13)
    with torch.no_grad():
        strings, _ = side.compress(3 * torch.randn(CHANNELS, *size), coder)
        for place, string in enumerate(strings):
            assert len(string) > 4
            flipped = bytes([string[0] ^ 4]) + string[1:]
            for wrong in (b"", string[:-2], string + b"\1", flipped, strings[1 - place]):
                damaged = [*strings]
                damaged[place] = wrong
                with pytest.raises(CorruptBitstreamError):
                    side.decompress(damaged, size, coder)


@each_kind
def test_a_string_of_another_size_is_noticed(kind: str) -> None:
    side = made(kind)
    with torch.no_grad():
        strings, _ = side.compress(3 * torch.randn(CHANNELS, 16, 16), AnsCoder())
        with pytest.raises(CorruptBitstreamError):
            side.decompress(strings, (24, 16), AnsCoder())


@each_kind
def test_what_is_not_finite_is_refused(kind: str) -> None:
    side = made(kind)
    with torch.no_grad(), pytest.raises(CodecError, match="not finite"):
        side.compress(torch.full((CHANNELS, 4, 4), torch.inf), AnsCoder())
    fresh = SIDE_INFORMATION[kind]()
    fresh.build(CHANNELS)
    with torch.no_grad(), pytest.raises(CodecError, match="no tables of"):
        fresh.compress(torch.zeros(CHANNELS, 4, 4), AnsCoder())


@each_kind
def test_tables_travel_beside_the_weights(kind: str) -> None:
    side = made(kind)
    stored = {name: type(t).from_arrays(t.to_arrays()) for name, t in side.tables.items()}
    assert {name: tables.count for name, tables in stored.items()} == side.table_counts()
    loaded = SIDE_INFORMATION[kind]()
    loaded.build(CHANNELS)
    loaded.load_state_dict(side.state_dict())
    loaded.load_tables(stored)
    loaded.eval()
    latents = torch.randn(CHANNELS, 6, 7)
    with torch.no_grad():
        assert loaded.compress(latents, AnsCoder())[0] == side.compress(latents, AnsCoder())[0]


@each_kind
def test_codecs_code_with_it(kind: str) -> None:
    def build() -> LearnedCodec:
        joint = JointEntropyModel(SIDE_INFORMATION[kind]())
        codec = LearnedCodec(ConvolutionalTransform(channels=4, latent_channels=8), None, joint)
        stir_side_information(joint.side_information)
        codec.update()
        return codec

    family = compressai_family("side", build, ["1"], stages=STAGES, synthesis=STAGES["synthesis"])
    codec = family.build("1", "cpu")
    (stream,) = codec.encode(torch.rand(1, 3, 48, 80))
    assert codec.decode([stream]).shape == (1, 3, 48, 80)
    names = [name for name, _ in codec.decode_stages(stream)]
    assert names[:5] == ["hyper-latents", "hyper-synthesis", "table indices", "symbols", "latents"]


@pytest.mark.parametrize("size", [(1, 1), (7, 3), (12, 16)])
def test_tokens_are_as_many_for_every_size(size: tuple[int, int]) -> None:
    side = made("global-tokens")
    _, likelihoods = side(torch.randn(2, CHANNELS, *size))
    assert likelihoods["global_tokens"].shape == (2, 3 * 4, 1, 1)


def test_tokens_see_every_position_and_not_where_it_is() -> None:
    tokens = made("global-tokens").token_analysis.double()
    latents = torch.randn(1, CHANNELS, 5, 4).double().requires_grad_()
    told = tokens(latents)
    told.square().sum().backward()
    assert bool((latents.grad.abs().sum(1) > 0).all())
    torch.testing.assert_close(tokens(latents.flip(2, 3)), told)


def test_a_token_is_told_to_every_position() -> None:
    spread = made("global-tokens").token_synthesis
    features, coded = torch.randn(1, 2 * CHANNELS, 5, 4), torch.randn(1, 12, 1, 1)
    moved = spread(features, coded) != spread(features, coded + 1)
    assert bool(moved.any(1).all())


@pytest.mark.parametrize(
    ("kind", "name"), [("coarse-to-fine", "_features"), ("global-tokens", "_told")]
)
def test_an_encoder_that_tells_what_is_not_sent_is_caught(
    kind: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `test_the_decoder_is_told_what_the_encoder_was`, on a side that is not."""
    side, times = made(kind), []
    plain = getattr(side, name)

    def unrounded(*parts: Tensor) -> Tensor:
        times.append(1)
        first, *others = parts
        return plain(first + 0.25 if len(times) == 1 else first, *others)

    monkeypatch.setattr(side, name, unrounded)
    with torch.no_grad():
        strings, features = side.compress(3 * torch.randn(CHANNELS, 6, 6), AnsCoder())
        assert not torch.equal(side.decompress(strings, (6, 6), AnsCoder()), features)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: GlobalTokensInformation(tokens=0), "tokens: 0, token_channels: 8"),
        (lambda: GlobalTokensInformation(hidden=6), "hidden a multiple of heads"),
        (lambda: GlobalTokensInformation(0), "hyper_channels: 0"),
        (lambda: CoarseToFineInformation(8, (1, 2, 3)), "expected three odd numbers"),
    ],
)
def test_side_information_that_can_not_be(build: object, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        build()  # type: ignore[operator]
