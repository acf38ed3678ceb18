"""Residual layers: a lower level's stream is the first part of a higher one's."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from lic_models.codec import LearnedCodec
from lic_models.components import (
    ConvolutionalTransform,
    LayeredHyperprior,
    MeanScaleHyperprior,
    RateControl,
    ResidualLayers,
)
from pytest_lic.adapters.compressai import RateArgument, compressai_family
from pytest_lic.errors import BitstreamError, CorruptBitstreamError, UsageError
from pytest_lic.levels import Levels

LAMBDAS = [0.001, 0.01, 0.09]
pytestmark = pytest.mark.usefixtures("one_thread")


def made(control: RateControl | None = None, model: Any = None) -> LearnedCodec:
    torch.manual_seed(0)
    transform = ConvolutionalTransform(channels=4, latent_channels=6)
    model = model or LayeredHyperprior(latent_channels=6, hyper_channels=4)
    codec = LearnedCodec(
        transform, entropy_model=model, rate_control=control or ResidualLayers(LAMBDAS)
    ).eval()
    with torch.no_grad():
        for layer in (transform.analysis[0], transform.analysis[-1]):
            layer.weight.mul_(40.0)
        codec.entropy_model.log_unit.fill_(math.log(8.0))
    codec.update()
    return codec


@pytest.fixture(scope="module")
def codec() -> LearnedCodec:
    return made()


IMAGES = torch.rand(2, 3, 48, 32, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("level", [0, 1, 2])
def test_a_level_is_decoded_from_its_bytes_alone(codec: LearnedCodec, level: int) -> None:
    coded = codec.compress(IMAGES, level=level)
    assert coded["level"] == level
    assert [bool(any(strings)) for strings in coded["strings"]] == [
        True,
        True,
        *(number <= level for number in (1, 2)),
    ]
    decoded = codec.decompress(**coded)["x_hat"]
    expected = codec(IMAGES, float(level))["x_hat"]
    torch.testing.assert_close(decoded, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("level", [0, 1])
def test_the_first_strings_of_a_higher_level_are_a_lower_one(
    codec: LearnedCodec, level: int
) -> None:
    highest, lower = codec.compress(IMAGES, level=2), codec.compress(IMAGES, level=level)
    cut = [
        strings if number < 2 + level else [b""] * len(strings)
        for number, strings in enumerate(highest["strings"])
    ]
    assert cut == lower["strings"]
    pictures = [codec.decompress(one, lower["shape"], level) for one in (cut, lower["strings"])]
    assert torch.equal(pictures[0]["x_hat"], pictures[1]["x_hat"])


def test_a_layer_brings_the_latent_nearer(codec: LearnedCodec) -> None:
    latents = codec.transform.analysis(IMAGES).detach()
    errors = []
    for level in (0, 1, 2):
        with torch.no_grad(), codec.rate_control.at(torch.tensor([float(level)])):
            coded = [codec.latent_coding.compress(latent) for latent in latents]
            back = [codec.latent_coding.decompress(strings, (3, 2)) for strings in coded]
        errors.append(float((torch.stack(back) - latents).abs().max()))
    assert errors[2] <= 0.5 < errors[1] <= 1.5 < errors[0] <= 4.5
    assert errors[0] > 2.0


@torch.no_grad()
def test_its_highest_level_is_the_plain_network_to_the_bit(codec: LearnedCodec) -> None:
    torch.manual_seed(0)
    plain = LearnedCodec(
        ConvolutionalTransform(channels=4, latent_channels=6),
        entropy_model=MeanScaleHyperprior(latent_channels=6, hyper_channels=4),
    ).eval()
    plain.load_state_dict(
        {k: v for k, v in codec.state_dict().items() if not k.startswith("rate_control.")}
    )
    plain.update()
    expected = plain.decompress(**plain.compress(IMAGES))["x_hat"]
    assert torch.equal(codec.decompress(**codec.compress(IMAGES, level=2))["x_hat"], expected)
    given, told = codec(IMAGES, 2.0), plain(IMAGES)
    assert torch.equal(given["x_hat"], told["x_hat"])
    assert torch.equal(given["likelihoods"]["latents"], told["likelihoods"]["latents"])


def test_rated_is_what_is_coded(codec: LearnedCodec) -> None:
    large = torch.rand(1, 3, 256, 256, generator=torch.Generator().manual_seed(2))
    for level in (0, 1, 2):
        likelihoods = codec(large, float(level))["likelihoods"]
        expected = sum(-value.log2().sum() for value in likelihoods.values()) / 8
        size = sum(len(string) for (string,) in codec.compress(large, level=level)["strings"])
        assert size == pytest.approx(expected.item(), rel=0.03, abs=40)


def test_training_takes_drawn_levels_as_whole_ones() -> None:
    control = ResidualLayers(LAMBDAS)
    drawn = 2.0 * torch.rand(3000, generator=torch.Generator().manual_seed(0))
    lambdas = control.lmbda(drawn)
    for value in LAMBDAS:
        assert 900 < int(torch.isclose(lambdas, torch.tensor(value)).sum()) < 1100
    assert control.lmbda(torch.tensor([0.0, 1.0, 2.0])).tolist() == pytest.approx(LAMBDAS)
    codec = made().train()
    outputs = codec(IMAGES, torch.tensor([0.4, 1.9]))
    sum(each.sum() for each in (outputs["x_hat"], *outputs["likelihoods"].values())).backward()
    untouched = [n for n, p in codec.named_parameters() if p.requires_grad and p.grad is None]
    assert [name for name in untouched if not name.endswith("quantiles")] == []


def test_a_family_codes_each_level_and_refuses_those_between(codec: LearnedCodec) -> None:
    family = compressai_family(
        "layered",
        lambda quality: codec,
        {"1": LAMBDAS[0], "2": LAMBDAS[1], "3": LAMBDAS[2]},
        one_network=True,
        compress_arguments=lambda quality: {"level": float(quality) - 1},
        rate_control=RateArgument(Levels(0.0, 2.0, 1.0)),
    )
    sizes = []
    for quality in "123":
        built = family.build(quality, "cpu")
        (bitstream,) = built.encode(IMAGES[:1, :, :40, :30])
        assert built.decode([bitstream]).shape == (1, 3, 40, 30)
        sizes.append(len(bitstream))
        with pytest.raises(BitstreamError):
            built.decode([bitstream[:-3]])
    assert sizes == sorted(set(sizes))


def test_a_stream_of_more_layers_than_its_level_is_refused(codec: LearnedCodec) -> None:
    coded = codec.compress(IMAGES, level=2)
    with pytest.raises(CorruptBitstreamError, match="strings of more layers than 2"):
        codec.decompress(coded["strings"], coded["shape"], level=1)
    with pytest.raises(CorruptBitstreamError, match="3 strings of a latent; expected 4"):
        codec.decompress(coded["strings"][:3], coded["shape"], level=1)


def test_layers_by_way_of_another_layers_bins_would_be_out_of_step(
    codec: LearnedCodec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An encoder whose tables depend on how many layers are coded: its prefix is no lower level."""
    nearest = LayeredHyperprior._nearest_of

    def by_level(self: LayeredHyperprior, layer: int, log_scales: torch.Tensor) -> torch.Tensor:
        return nearest(self, layer, log_scales + 0.2 * self._coded_layer)

    monkeypatch.setattr(LayeredHyperprior, "_nearest_of", by_level)
    highest, lower = codec.compress(IMAGES, level=2), codec.compress(IMAGES, level=0)
    assert highest["strings"][0] != lower["strings"][0]


@pytest.mark.parametrize("level", [0.5, 3, -1, float("nan")])
def test_a_level_between_layers_or_beyond_them_is_refused(
    codec: LearnedCodec, level: float
) -> None:
    with pytest.raises(UsageError, match="expected a whole number from 0 to 2, the layers above"):
        codec.compress(IMAGES, level=level)


@pytest.mark.parametrize(
    ("model", "told"),
    [
        (MeanScaleHyperprior(hyper_channels=4), "of 3 λ needs .* given MeanScaleHyperprior"),
        (LayeredHyperprior(2, hyper_channels=4), "of 3 λ needs .* given LayeredHyperprior of 2"),
    ],
)
def test_an_entropy_model_of_other_layers_is_refused(model: Any, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        made(model=model)


def test_one_lambda_is_refused() -> None:
    with pytest.raises(UsageError, match="expected at least two positive numbers that rise"):
        ResidualLayers([0.1])
