"""An entropy model for each width: each rates, codes and keeps tables of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from lic_models.codec import LearnedCodec
from lic_models.components import (
    Factorized,
    MeanScaleHyperprior,
    SlimmableEntropyModel,
    SlimmableTransform,
)
from lic_models.components.slimmable import at_width
from lic_models.storage.weights_file import load_weights, write_weights
from pytest_lic.errors import UsageError, WeightsError

WIDTHS = [(2, 3), (3, 5), (4, 8)]
CHANNELS = [m for _, m in WIDTHS]
KINDS = {"factorized": Factorized, "msh": lambda m: MeanScaleHyperprior(m, 4)}
IMAGES = torch.rand(2, 3, 64, 48, generator=torch.Generator().manual_seed(2))


def codec_of(kind: str) -> LearnedCodec:
    torch.manual_seed(3)
    codec = LearnedCodec(
        SlimmableTransform(WIDTHS, kernel_sizes=(3, 3, 3, 3)),
        entropy_model=SlimmableEntropyModel(CHANNELS, KINDS[kind]),
    )
    with torch.no_grad():
        codec.transform.analysis[-1].weight.mul_(30.0)  # symbols of all sorts
    codec.latent_coding.fit(codec.transform.analysis(IMAGES))
    codec.eval()
    codec.update()
    return codec


@pytest.fixture(scope="module", params=list(KINDS))
def codec(request: pytest.FixtureRequest) -> LearnedCodec:
    return codec_of(request.param)


@pytest.mark.parametrize("index", range(3))
def test_each_width_codes_its_own_channels_as_its_model_alone_does(
    codec: LearnedCodec, index: int
) -> None:
    model, transform = codec.entropy_model, codec.transform
    assert isinstance(model, SlimmableEntropyModel)
    assert isinstance(transform, SlimmableTransform)
    alone = LearnedCodec(transform.narrowed(index), entropy_model=model.narrowed(index)).eval()
    with at_width(codec, index):
        coded = codec.compress(IMAGES)
        decoded = codec.decompress(**coded)["x_hat"]
        estimated = codec(IMAGES)
    assert coded == alone.compress(IMAGES)
    assert torch.equal(decoded, alone.decompress(**coded)["x_hat"])
    assert estimated["likelihoods"]["latents"].shape == (2, CHANNELS[index], 4, 3)
    assert torch.allclose(decoded, estimated["x_hat"], atol=1e-4)


def test_the_chosen_width_is_noted_while_decoding(codec: LearnedCodec) -> None:
    for index, channels in enumerate(CHANNELS):
        noted: dict[str, int] = {}
        with at_width(codec, index):
            coded = codec.compress(IMAGES[:1])
            with codec.noting(lambda stage, values, to=noted: to.update({stage: len(values)})):
                codec.decompress(**coded)
        assert noted == {"table indices": 12 * channels, "symbols": 12 * channels}


def test_tables_of_every_width_come_back_from_a_weights_file(
    codec: LearnedCodec, tmp_path: Path
) -> None:
    assert {name for name in codec.tables if name.startswith("latents")} == {
        "latents-1",
        "latents-2",
        "latents-3",
    }
    path = tmp_path / "slim.safetensors"
    write_weights(codec, path, {}, half=False)
    factorized = isinstance(codec.entropy_model.of_width[0], Factorized)
    other = codec_of("factorized" if factorized else "msh")
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(0.01)
    load_weights(other, path)
    for index in range(3):
        with at_width(codec, index), at_width(other, index):
            assert other.compress(IMAGES) == codec.compress(IMAGES)
    assert other.latent_coding.fingerprint() == codec.latent_coding.fingerprint()


def test_another_widths_tables_are_refused() -> None:
    codec = codec_of("factorized")
    tables = dict(codec.tables)
    tables["latents-1"], tables["latents-2"] = tables["latents-2"], tables["latents-1"]
    with pytest.raises(WeightsError, match="5 of latents-1, 3 of latents-2"):
        codec.tables = tables


def test_the_quantiles_of_every_width_are_learned() -> None:
    model = SlimmableEntropyModel([2, 3])
    model.auxiliary_loss().backward()
    for own in model.of_width:
        assert isinstance(own, Factorized)
        assert bool(own.density.quantiles.grad.any())


@pytest.mark.parametrize("channels", [[], [4, 3]])
def test_channels_that_fall_are_refused(channels: list[int]) -> None:
    with pytest.raises(UsageError, match="the narrowest width first"):
        SlimmableEntropyModel(channels)


def test_a_transform_of_other_channels_is_refused() -> None:
    arguments: dict[str, Any] = {"entropy_model": SlimmableEntropyModel([3, 5])}
    with pytest.raises(UsageError, match=r"latent_channels is 5, but .* gives 8"):
        LearnedCodec(SlimmableTransform(WIDTHS), **arguments)
