"""Networks with rate control: any level by one codec, in streams that say which."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from pytest_lic import Levels, SupportsLatents, SupportsRateControl
from pytest_lic.adapters.compressai import RateArgument
from pytest_lic.container import Bitstream, pack, unpack
from pytest_lic.errors import CorruptBitstreamError, UsageError
from pytest_lic.rate_matching import Reach
from tests.helpers.rate_controlled import GainedBlocks, gained_family, smooth_images
from tests.helpers.toy_networks import Blocks, toy_family

pytestmark = pytest.mark.usefixtures("one_thread_throughout")

IMAGES = smooth_images(3)


def build(quality: str = "1", **options: Any) -> Any:
    return gained_family(**options).build(quality, "cpu")


def test_a_family_tells_its_levels_without_a_network():
    def never(quality: str) -> Any:
        raise AssertionError("the family builds no network to tell")

    assert gained_family(never).levels == Levels(0, 4, 1 / 1024)
    assert toy_family(Blocks).levels is None


def test_only_codecs_of_a_network_with_rate_control_have_one():
    assert isinstance(build(), SupportsRateControl)
    assert isinstance(build(), SupportsLatents)
    assert not isinstance(toy_family(Blocks).build("1", "cpu"), SupportsRateControl)


def test_without_a_level_the_quality_s_own_is_coded():
    for quality in ("1", "3", "5"):
        codec = build(quality)
        assert codec.encode(IMAGES) == codec.encode(IMAGES, level=int(quality) - 1)


def test_a_codec_decodes_its_streams_of_every_level():
    codec = build("2")
    errors = []
    for level in (0, 0.7, 1, 2.5, 4):
        decoded = codec.decode(codec.encode(IMAGES, level=level))
        errors.append(float((decoded - IMAGES).abs().mean()))
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.8 * errors[0]


def test_the_decoder_of_any_quality_decodes_the_streams_of_all():
    coded = build("5").encode(IMAGES, level=1.5)
    assert torch.equal(build("1").decode(coded), build("5").decode(coded))


def test_images_of_several_levels_decode_in_one_batch():
    codec = build()
    streams = [codec.encode(IMAGES[:1], level=level)[0] for level in (0, 2, 4)]
    together = codec.decode(streams)
    alone = torch.cat([codec.decode([stream]) for stream in streams])
    assert torch.equal(together, alone)


def test_a_batch_of_one_level_is_coded_in_one_call():
    sizes: list[int] = []

    class Counts(GainedBlocks):
        def compress(self, x: Tensor, level: float) -> dict[str, Any]:
            sizes.append(len(x))
            return super().compress(x, level)

        def decompress(self, strings: Any, shape: Any, level: float) -> dict[str, Any]:
            sizes.append(-len(strings[0]))
            return super().decompress(strings, shape, level)

    codec = build(network=Counts)
    codec.decode(codec.encode(IMAGES, level=1))
    sizes.clear()
    codec.decode(codec.encode(IMAGES, level=2))
    assert sizes == [3, -3]


def test_a_level_costs_ten_bytes():
    class Told(GainedBlocks):
        """Knows its level without being told."""

        def decompress(self, strings: Any, shape: Any) -> dict[str, Any]:
            return super().decompress(strings, shape, 2.0)

    (told,) = build("3", network=Told).encode(IMAGES[:1])
    (sent,) = build("3").encode(IMAGES[:1])
    assert 0 < len(sent) - len(told) <= 12


def test_a_level_between_two_steps_is_coded_and_sent_as_the_next_to_it():
    codec = build()
    assert codec.encode(IMAGES, level=1.0001) == codec.encode(IMAGES, level=1)
    assert codec.encode(IMAGES, level=1.6) != codec.encode(IMAGES, level=1.5)


@pytest.mark.parametrize("level", [-0.1, 4.5, "high"])
def test_a_level_outside_the_range_is_refused(level):
    message = r"^gained q1: level .*; expected one of 0 to 4 in steps of 0\.000976562$"
    with pytest.raises(UsageError, match=message):
        build().encode(IMAGES, level=level)


def test_a_quality_needs_a_level_of_its_own_within_the_range():
    with pytest.raises(UsageError, match="rate control by 'level', and no level of the quality's"):
        build(compress_arguments=lambda quality: {"other": 1})
    with pytest.raises(UsageError, match="gained q1: level 9; expected one of 0 to 4"):
        build(compress_arguments=lambda quality: {"level": 9})


@pytest.mark.parametrize("number", [-1, 4097, 1.5, "1", None])
def test_a_stream_with_a_level_that_there_is_not_is_refused(number, monkeypatch):
    codec = build()
    (stream,) = codec.encode(IMAGES[:1], level=1)
    from pytest_lic.adapters.network.value_packing import pack_value

    held = unpack(stream, fingerprint=codec.fingerprint, format_version=1)
    first = pack_value({} if number is None else {4: number})
    damaged = Bitstream(codec.fingerprint, held.height, held.width, (first, *held.sections[1:]), 1)
    with pytest.raises(CorruptBitstreamError, match=r"bitstream holds (no level|level number)"):
        codec.decode([pack(damaged)])


def test_a_decoder_that_takes_no_level_refuses_a_stream_with_one():
    from pytest_lic.adapters.network.calls import Compressed

    codec = toy_family(Blocks).build("1", "cpu")
    with pytest.raises(CorruptBitstreamError, match="holds a level; this decoder takes none"):
        codec._calls.decompress(Compressed([[b""]], (1, 1), {}, level=0))


def test_an_encoder_alone_may_have_the_rate_control():
    class Encoder(Blocks):
        def compress(self, x: Tensor, effort: float) -> dict[str, Any]:
            return super().compress((x * effort).round() / effort)

    family = toy_family(
        Encoder,
        compress_arguments=lambda quality: {"effort": 16},
        rate_control=RateArgument(Levels(1, 64, 1), "effort"),
    )
    codec: Any = family.build("1", "cpu")
    coarse, fine = (codec.encode(IMAGES, level=level) for level in (1, 64))
    assert sum(map(len, coarse)) < sum(map(len, fine))
    assert codec.decode(coarse).shape == IMAGES.shape


def test_encode_at_codes_at_a_rate_of_real_bytes():
    codec = build("2")
    for target in (0.35, 0.5, 0.7):
        for found, image in zip(codec.encode_at(IMAGES, bpp=target), IMAGES, strict=True):
            assert found.reach is Reach.WITHIN
            assert 8 * len(found.bitstream) / 128**2 == pytest.approx(target, rel=0.01)
            assert found.bitstream == codec.encode(image[None], level=found.level)[0]
            assert found.encodings <= 6
    with pytest.raises(UsageError, match=r"image 0 can't be coded at 9 bpp: levels .* reach"):
        codec.encode_at(IMAGES, bpp=9, strict=True)


def test_a_bottleneck_whose_tables_fit_one_rate_is_refused():
    def network() -> Any:
        from compressai.models import ScaleHyperpriorVbr

        return ScaleHyperpriorVbr(8, 12, True)

    with pytest.raises(UsageError, match="EntropyBottleneckVbr, whose tables fit one rate only"):
        toy_family(
            network,
            compress_arguments=lambda quality: {"inputscale": 1.0},
            rate_control=RateArgument(Levels(0.5, 8, 0.125), "inputscale"),
        ).build("1", "cpu")
