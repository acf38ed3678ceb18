"""Reconstruction offsets: values nearer to their means, zero where it was."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch

from lic_models.codec import LearnedCodec
from lic_models.components import (
    QVRF,
    ConvolutionalTransform,
    Factorized,
    MeanScaleHyperprior,
    MixedQuantizer,
    NoiseQuantizer,
    RateControl,
    ReconstructionOffsets,
    StraightThroughQuantizer,
    UniversalQuantizer,
)
from pytest_lic.errors import UsageError

LAMBDAS = [0.002, 0.008, 0.032]
pytestmark = pytest.mark.usefixtures("one_thread")


def made(control: RateControl | None, quantizer: Any = MixedQuantizer) -> LearnedCodec:
    torch.manual_seed(0)
    transform = ConvolutionalTransform(channels=4, latent_channels=6)
    model = MeanScaleHyperprior(latent_channels=6, hyper_channels=4)
    codec = LearnedCodec(transform, quantizer(), model, rate_control=control).eval()
    with torch.no_grad():
        for layer in (transform.analysis[0], transform.analysis[-1]):
            layer.weight.mul_(20.0)
    codec.update()
    return codec


@pytest.fixture
def moved() -> LearnedCodec:
    """One whose offsets are as if trained."""
    codec = made(ReconstructionOffsets(LAMBDAS))
    control = codec.rate_control
    with torch.no_grad():
        control.offsets.uniform_(0.05, 0.3)
        control.layers[-1].weight.uniform_(0.0, 0.1)
    return codec


@pytest.fixture
def images() -> torch.Tensor:
    torch.manual_seed(1)
    return torch.rand(2, 3, 48, 32)


def test_it_begins_as_qvrf_to_the_bit(images: torch.Tensor) -> None:
    plain, codec = made(QVRF(LAMBDAS)), made(ReconstructionOffsets(LAMBDAS))
    for level in (0.0, 0.3, 2.0):
        coded = codec.compress(images, level=level)
        assert coded == plain.compress(images, level=level)
        decoded = codec.decompress(**coded)["x_hat"]
        assert torch.equal(decoded, plain.decompress(**coded)["x_hat"])


def test_offsets_change_no_byte(moved: LearnedCodec, images: torch.Tensor) -> None:
    plain = made(QVRF(LAMBDAS))
    for level in (0.0, 1.4):
        assert moved.compress(images, level=level) == plain.compress(images, level=level)


@torch.no_grad()
@pytest.mark.parametrize("level", [0.0, 0.5, 2.0])
def test_values_are_symbols_less_their_offsets(
    moved: LearnedCodec, images: torch.Tensor, level: float
) -> None:
    plain = made(QVRF(LAMBDAS))
    latents = moved.transform.analysis(images)
    of_level = torch.tensor([level])
    with moved.rate_control.at(of_level), plain.rate_control.at(of_level):
        given = moved.latent_coding.forward(latents).values
        middles = plain.latent_coding.forward(latents).values
        hyper = moved.entropy_model._hyper_latents(latents)
        z = moved.entropy_model.hyper_prior(hyper, NoiseQuantizer().eval()).values
        means, log_scales = moved.entropy_model.hyper_synthesis(z)[..., :3, :2].chunk(2, 1)
        log_a = float(moved.rate_control.log_fineness(torch.float64))
    lower = int(level) if level < 2.0 else 1
    part = level - lower
    control = moved.rate_control
    of_channel = (1 - part) * control.offsets[lower] + part * control.offsets[lower + 1]
    scales = (log_scales + log_a).clamp(min=torch.tensor(0.11).log())
    told = torch.stack([scales, torch.full_like(scales, log_a)], -1)
    delta = (of_channel[:, None, None] + control.layers(told)[..., 0]).clamp(0.0, 0.5)
    bins = (middles - means) * torch.tensor(log_a).exp()
    moves = (bins - (given - means) * torch.tensor(log_a).exp()) * bins.sign()
    zero = bins.round() == 0
    assert zero.any()
    assert not zero.all()
    torch.testing.assert_close(moves[zero], torch.zeros_like(moves[zero]), rtol=0, atol=1e-5)
    torch.testing.assert_close(moves[~zero], delta[~zero], rtol=1e-3, atol=2e-4)


def test_no_value_leaves_its_bin(moved: LearnedCodec) -> None:
    with torch.no_grad():
        moved.rate_control.offsets.uniform_(-3.0, 3.0)
    scales = torch.zeros(1, 6, 4, 4)
    with torch.no_grad(), moved.rate_control.at(torch.tensor([0.7])):
        offset = moved.rate_control.offset(scales)
    assert 0.0 <= float(offset.min()) < float(offset.max()) <= 0.5


def test_trained_alone_it_brings_values_nearer() -> None:
    codec = made(ReconstructionOffsets(LAMBDAS, learned=False)).train()
    codec.requires_grad_(False)
    control = codec.rate_control
    trained = [control.offsets, *control.layers.parameters()]
    for parameter in trained:
        parameter.requires_grad_(True)
    level, latents = torch.tensor([0.0]), 1.5 * torch.randn(8, 6, 16, 16)
    optimizer = torch.optim.Adam(trained, lr=0.01)
    errors = []
    with control.at(level):
        for _ in range(40):
            error = (codec.latent_coding.forward(latents).values - latents).square().mean()
            errors.append(error.item())
            optimizer.zero_grad()
            error.backward()
            optimizer.step()
    assert errors[-1] < 0.97 * errors[0]


def test_a_decoder_of_other_offsets_gives_another_picture(
    moved: LearnedCodec, images: torch.Tensor
) -> None:
    coded = moved.compress(images, level=0.5)
    broken = copy.deepcopy(moved)
    with torch.no_grad():
        broken.rate_control.offsets.zero_()
    assert torch.equal(moved.decompress(**coded)["x_hat"], moved.decompress(**coded)["x_hat"])
    expected = moved(images, 0.5)["x_hat"]
    torch.testing.assert_close(moved.decompress(**coded)["x_hat"], expected, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(broken.decompress(**coded)["x_hat"], expected, rtol=1e-4, atol=1e-5)


def test_the_straight_through_quantizer_does_too() -> None:
    made(ReconstructionOffsets(LAMBDAS), StraightThroughQuantizer)


@pytest.mark.parametrize("quantizer", [NoiseQuantizer, UniversalQuantizer])
def test_a_quantizer_of_values_between_the_symbols_is_refused(quantizer: Any) -> None:
    with pytest.raises(UsageError, match=f"needs the quantizer .* given {quantizer.__name__}"):
        made(ReconstructionOffsets(LAMBDAS), quantizer)


def test_an_entropy_model_that_is_no_hyperprior_is_refused() -> None:
    transform = ConvolutionalTransform(channels=4, latent_channels=6)
    with pytest.raises(UsageError, match=r"ReconstructionOffsets needs .* given Factorized"):
        LearnedCodec(
            transform, entropy_model=Factorized(), rate_control=ReconstructionOffsets(LAMBDAS)
        )


def test_layers_without_numbers_between_are_refused() -> None:
    with pytest.raises(UsageError, match="hidden: 0; expected at least 1"):
        ReconstructionOffsets(LAMBDAS, hidden=0)
