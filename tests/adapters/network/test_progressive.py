"""Thumbnails through the adapter: parts of streams, padded sizes, and which part is cut."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lic_models.components import ThumbnailSynthesis
from lic_models.families import STAGES
from pytest_lic.adapters.compressai import compressai_family
from pytest_lic.adapters.network.progressive import ProgressiveNetworkCodec
from pytest_lic.errors import CodecError, TruncatedBitstreamError, UsageError
from tests.helpers.grouped_codec import grouped_codec

pytestmark = pytest.mark.usefixtures("one_thread_throughout")


def codec_of(network: nn.Module) -> ProgressiveNetworkCodec:
    family = compressai_family(
        "grouped", lambda: network, ["1"], synthesis="transform.synthesis", stages=STAGES
    )
    codec = family.build("1", "cpu")
    assert isinstance(codec, ProgressiveNetworkCodec)
    return codec


def with_thumbnail() -> Any:
    network = grouped_codec()
    torch.manual_seed(1)
    network.attach_thumbnail(ThumbnailSynthesis(2, 8))
    return network.eval()


def images(count: int, height: int, width: int) -> Tensor:
    return torch.rand((count, 3, height, width), generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize(("height", "width"), [(48, 64), (47, 33), (9, 100), (1, 1)])
def test_thumbnails_have_an_eighth_of_the_sides_and_need_the_first_bytes(
    height: int, width: int
) -> None:
    codec = codec_of(with_thumbnail())
    streams = codec.encode(images(2, height, width))
    whole = codec.decode_thumbnail(streams)
    assert whole.shape == (2, 3, -(-height // 8), -(-width // 8))
    assert whole.dtype == torch.float32
    assert 0 <= float(whole.min()) <= float(whole.max()) <= 1
    lengths = [codec.thumbnail_length(stream) for stream in streams]
    parts = [stream[:length] for stream, length in zip(streams, lengths, strict=True)]
    assert torch.equal(codec.decode_thumbnail(parts), whole)


def test_a_part_that_ends_too_early_is_refused() -> None:
    codec = codec_of(with_thumbnail())
    (stream,) = codec.encode(images(1, 48, 64))
    length = codec.thumbnail_length(stream)
    assert length < len(stream)
    with pytest.raises(TruncatedBitstreamError):
        codec.decode_thumbnail([stream[: length - 1]])


class Columns(ThumbnailSynthesis):
    """A picture of where its pixels' centres lie, in 1/1000 of pixels of the padded image."""

    def forward(self, latents: Tensor) -> Tensor:
        sides = [2 * side for side in latents.shape[-2:]]
        down, across = ((8 * torch.arange(side) + 4.0) / 1000 for side in sides)
        zero = torch.zeros(sides)
        return torch.stack([down[:, None] + zero, across + zero, zero])[None]


@pytest.mark.parametrize("height", [9, 15, 16, 17, 23, 24, 25, 31, 32])
@pytest.mark.parametrize("width", [16, 20])
def test_the_part_is_cut_whose_centre_is_nearest_to_the_images(height: int, width: int) -> None:
    network = with_thumbnail()
    network.thumbnail = Columns(2)
    network.thumbnail.latent_channels = 5
    codec = codec_of(network)
    small = 1000 * codec.decode_thumbnail(codec.encode(images(1, height, width)))[0]
    above, _, left, _ = codec._layout.borders(height, width)
    padded = codec._layout.padded(height, width)
    for centre, before, side, whole in (
        (small[0].mean(), above, height, padded[0]),
        (small[1].mean(), left, width, padded[1]),
    ):
        off = float(centre) - (before + side / 2)
        count = -(-side // 8)
        possible = [8 * first + 4 * count for first in range(whole // 8 - count + 1)]
        nearest = min(abs(each - (before + side / 2)) for each in possible)
        assert abs(off) == pytest.approx(nearest, abs=1e-3)
        assert abs(off) <= 4.001
        assert off < 3.999  # of two that are as near, the first


def test_a_network_without_a_thumbnail_synthesis_is_refused() -> None:
    codec = codec_of(grouped_codec())
    (stream,) = codec.encode(images(1, 48, 64))
    for call in (lambda: codec.decode_thumbnail([stream]), lambda: codec.thumbnail_length(stream)):
        with pytest.raises(UsageError, match="grouped q1: its network has no thumbnail synthesis"):
            call()


def test_a_thumbnail_of_another_size_or_not_finite_is_refused() -> None:
    class Wrong(Columns):
        def forward(self, latents: Tensor) -> Tensor:
            return super().forward(latents)[..., 1:]

    class Broken(Columns):
        def forward(self, latents: Tensor) -> Tensor:
            return super().forward(latents) / 0

    for kind, told in ((Wrong, "decompress_thumbnail returned .* 8×6 pixels"), (Broken, "finite")):
        network = with_thumbnail()
        network.thumbnail = kind(2)
        network.thumbnail.latent_channels = 5
        codec = codec_of(network)
        with pytest.raises(CodecError, match=told):
            codec.decode_thumbnail(codec.encode(images(1, 48, 64)))
