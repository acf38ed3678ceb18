"""Each level is a width; there is none between."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch

from lic_models.codec import LearnedCodec
from lic_models.components import (
    ConvolutionalTransform,
    Factorized,
    SlimmableEntropyModel,
    SlimmableTransform,
    SlimmableWidths,
)
from pytest_lic.errors import UsageError

WIDTHS = [(2, 4), (3, 6), (4, 8)]
LAMBDAS = [0.002, 0.01, 0.01]
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def codec() -> LearnedCodec:
    torch.manual_seed(0)
    codec = LearnedCodec(
        SlimmableTransform(WIDTHS, kernel_sizes=(3, 3, 3, 3)),
        entropy_model=SlimmableEntropyModel([m for _, m in WIDTHS]),
        rate_control=SlimmableWidths(LAMBDAS),
    ).eval()
    with torch.no_grad():
        codec.transform.analysis[-1].weight.mul_(40.0)
    codec.update()
    return codec


IMAGES = torch.rand(2, 3, 48, 32, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("level", [0, 1, 2])
def test_a_level_is_coded_as_the_network_of_that_width_alone_would(
    codec: LearnedCodec, level: int
) -> None:
    transform, model = codec.transform, codec.entropy_model
    assert isinstance(transform, SlimmableTransform)
    assert isinstance(model, SlimmableEntropyModel)
    alone = LearnedCodec(transform.narrowed(level), entropy_model=model.narrowed(level)).eval()
    coded = codec.compress(IMAGES, level=level)
    assert coded["strings"] == alone.compress(IMAGES)["strings"]
    assert coded["level"] == level
    decoded = codec.decompress(**coded)["x_hat"]
    assert torch.equal(decoded, alone.decompress(coded["strings"], coded["shape"])["x_hat"])


def test_the_widest_is_coded_unless_another_is_asked_for(codec: LearnedCodec) -> None:
    assert codec.compress(IMAGES) == codec.compress(IMAGES, level=2)


def test_a_copy_has_widths_of_its_own(codec: LearnedCodec) -> None:
    copied = copy.deepcopy(codec)
    with codec.rate_control.at(torch.tensor([0.0])):
        assert copied.compress(IMAGES) == copied.compress(IMAGES, level=2)


@pytest.mark.parametrize("level", [0.5, 3, -1, float("nan")])
def test_a_level_between_widths_or_beyond_them_is_refused(
    codec: LearnedCodec, level: float
) -> None:
    with pytest.raises(UsageError, match="expected a whole number from 0 to 2, one for each width"):
        codec.compress(IMAGES, level=level)


@pytest.mark.parametrize("level", [0.5, 3.0])
def test_there_is_no_decoding_at_such_a_level(codec: LearnedCodec, level: float) -> None:
    coded = codec.compress(IMAGES, level=0)
    with pytest.raises(UsageError, match="expected a whole number from 0 to 2"):
        codec.decompress(coded["strings"], coded["shape"], level=level)


def test_a_batch_of_several_levels_is_refused(codec: LearnedCodec) -> None:
    with pytest.raises(UsageError, match=r"\[0.0, 1.0\]; all images of a batch run at one width"):
        codec(IMAGES, torch.tensor([0.0, 1.0]))


def test_moved_lambdas_are_part_of_the_weights(codec: LearnedCodec) -> None:
    control = SlimmableWidths([0.01, 0.01, 0.01])
    assert control.lambdas == (0.01, 0.01, 0.01)
    control.move(LAMBDAS)
    loaded = SlimmableWidths([0.01, 0.01, 0.01])
    loaded.load_state_dict(control.state_dict())
    assert loaded.lambdas == tuple(LAMBDAS)
    assert loaded.lmbda(torch.tensor([0.0, 1.0])).tolist() == pytest.approx(LAMBDAS[:2])


@pytest.mark.parametrize("lambdas", [[0.1], [0.2, 0.1], [0.0, 0.1], [0.1, float("inf")]])
def test_lambdas_that_fall_or_are_none_are_refused(lambdas: list[float]) -> None:
    with pytest.raises(UsageError, match="expected a positive number for each of at least two"):
        SlimmableWidths(lambdas)


@pytest.mark.parametrize(
    ("transform", "model", "told"),
    [
        (
            ConvolutionalTransform(channels=2, latent_channels=8),
            SlimmableEntropyModel([4, 6, 8]),
            "needs a SlimmableTransform .* given ConvolutionalTransform and Slimmable",
        ),
        (SlimmableTransform(WIDTHS), Factorized(), "given SlimmableTransform and Factorized"),
        (
            SlimmableTransform(WIDTHS[1:]),
            SlimmableEntropyModel([6, 8]),
            r"λ of 3 widths, the transform gives latents of \[6, 8\] channels",
        ),
        (
            SlimmableTransform(WIDTHS),
            SlimmableEntropyModel([3, 6, 8]),
            r"latents of \[4, 6, 8\] channels, and the entropy model takes \[3, 6, 8\]",
        ),
    ],
)
def test_a_codec_of_other_widths_is_refused(transform: Any, model: Any, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        LearnedCodec(transform, entropy_model=model, rate_control=SlimmableWidths(LAMBDAS))
