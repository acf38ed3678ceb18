"""A codec's thumbnails: of the first bytes alone, and the same as of all of them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from lic_models.codec import LearnedCodec
from lic_models.components import Factorized, MeanScaleHyperprior, ThumbnailSynthesis, Transform
from pytest_lic.errors import TruncatedBitstreamError, UsageError
from tests.helpers.grouped_codec import SIZES, grouped_codec

pytestmark = pytest.mark.usefixtures("one_thread")


def with_thumbnail(groups: int = 2, context: str = "UnevenGroupsContext") -> LearnedCodec:
    codec = grouped_codec(context)
    torch.manual_seed(1)
    codec.attach_thumbnail(ThumbnailSynthesis(groups, 8))
    return codec.eval()


def images(height: int = 48, width: int = 80) -> Tensor:
    return torch.rand((1, 3, height, width), generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("groups", [1, 2, 3])
@pytest.mark.parametrize(("height", "width"), [(48, 80), (16, 16), (16, 32)])
def test_a_thumbnail_is_that_of_the_decoded_latent(groups: int, height: int, width: int) -> None:
    codec, batch = with_thumbnail(groups), images(height, width)
    coded = codec.compress(batch)
    strings, shape = coded["strings"], coded["shape"]
    (*side, (own,)) = strings
    latent = codec.latent_coding.decompress([each[0] for each in strings], shape)
    needed = codec.thumbnail_length(strings, shape)
    assert needed <= len(own)
    found = codec.decompress_thumbnail([*side, [own[:needed]]], shape, len(own))["thumbnail"]
    assert found.shape == (1, 3, height // 8, width // 8)
    assert codec.thumbnail is not None
    with torch.no_grad():
        assert torch.equal(found, codec.thumbnail(latent[None]))


def test_it_needs_a_part_of_the_bytes_and_no_less() -> None:
    codec = with_thumbnail()
    coded = codec.compress(images())
    (*side, (own,)), shape = coded["strings"], coded["shape"]
    needed = codec.thumbnail_length(coded["strings"], shape)
    assert needed == codec.pass_lengths(coded["strings"], shape)[3]  # two groups of two passes
    assert needed < 0.8 * len(own)
    with pytest.raises(TruncatedBitstreamError, match="end within pass 4"):
        codec.decompress_thumbnail([*side, [own[: needed - 1]]], shape, len(own))


def test_later_groups_are_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    codec = with_thumbnail()
    coded = codec.compress(images())
    decoded: list[int] = []
    with codec.noting(lambda stage, values: decoded.append(len(values))):
        codec.decompress(**coded)
    assert decoded == [sum(SIZES) * 3 * 5] * 2

    def refuse(*_: object) -> Tensor:
        raise AssertionError("what is missing was guessed")

    monkeypatch.setattr(codec.entropy_model.context, "forward", refuse)
    monkeypatch.setattr(codec.transform.synthesis, "forward", refuse)
    codec.thumbnail = _Seen()
    codec.decompress_thumbnail(coded["strings"], coded["shape"], len(coded["strings"][-1][0]))
    assert codec.thumbnail.seen == [(1, 5, 3, 5)]


class _Seen(ThumbnailSynthesis):
    def __init__(self) -> None:
        super().__init__()
        self.latent_channels = 5
        self.seen: list[tuple[int, ...]] = []

    def forward(self, latents: Tensor) -> Tensor:
        self.seen.append(tuple(latents.shape))
        return latents


def test_a_thumbnail_synthesis_changes_neither_strings_nor_images() -> None:
    plain, codec, batch = grouped_codec(), with_thumbnail(), images()
    coded = codec.compress(batch)
    assert coded == plain.compress(batch)
    assert torch.equal(codec.decompress(**coded)["x_hat"], plain.decompress(**coded)["x_hat"])
    assert codec.latent_coding.fingerprint() == plain.latent_coding.fingerprint()


def test_a_codec_has_none_unless_it_is_told() -> None:
    codec = grouped_codec()
    assert codec.thumbnail is None
    coded = codec.compress(images())
    with pytest.raises(UsageError, match="no thumbnail synthesis; train one with python -m lic_"):
        codec.decompress_thumbnail(coded["strings"], coded["shape"], 1)
    with pytest.raises(UsageError, match="no thumbnail synthesis"):
        codec.thumbnail_length(coded["strings"], coded["shape"])


@pytest.mark.parametrize("context", ["CheckerboardContext", "AutoregressiveContext"])
def test_a_context_without_groups_is_refused(context: str) -> None:
    with pytest.raises(UsageError, match="all channels are decoded together"):
        with_thumbnail(context=context)


@pytest.mark.parametrize("model", [Factorized, MeanScaleHyperprior])
def test_a_codec_without_passes_is_refused(model: type) -> None:
    with pytest.raises(UsageError, match="all channels are decoded together"):
        LearnedCodec(entropy_model=model()).attach_thumbnail(ThumbnailSynthesis())


def test_latents_of_another_size_are_refused() -> None:
    codec = LearnedCodec(Transform(torch.nn.PixelUnshuffle(2), torch.nn.PixelShuffle(2), 12, 2))
    with pytest.raises(UsageError, match="latents at 1/2 of an image's sides; expected 1/16"):
        codec.attach_thumbnail(ThumbnailSynthesis())
