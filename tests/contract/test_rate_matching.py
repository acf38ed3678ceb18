"""Rate matching: each image at the level whose real bytes come nearest to a rate."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch

from pytest_lic import Codec, Levels, SupportsRateControl
from pytest_lic.errors import CodecError, UsageError
from pytest_lic.rate_matching import Reach, encode_at, quality_at, target_of
from tests.helpers.rate_controlled import Steps, smooth_images

IMAGES = smooth_images(3)
PIXELS = 128 * 128


def bits(bitstream: bytes) -> float:
    return 8 * len(bitstream) / PIXELS


class Made:
    """Bitstreams of so many bytes, as a function of the level has it."""

    def __init__(self, size: Callable[[float], int], levels: Levels = Steps.levels) -> None:
        self.size = size
        self.levels = levels

    def encode(self, images, /, *, level=None):
        return [bytes(self.size(level)) for _ in images]

    def decode(self, bitstreams, /):
        raise NotImplementedError


def test_a_codec_with_levels_that_codes_at_one_has_rate_control():
    assert isinstance(Steps(), SupportsRateControl)
    assert isinstance(Steps(), Codec)

    class Plain:
        encode = decode = Steps.encode

    assert not isinstance(Plain(), SupportsRateControl)


@pytest.mark.parametrize("target", [5.0, 6.0, 7.0])
def test_each_image_of_a_batch_meets_the_target_at_a_level_of_its_own(target):
    codec = Steps()
    matched = encode_at(codec, IMAGES, bpp=target)
    for image, found in zip(IMAGES, matched, strict=True):
        assert found.reach is Reach.WITHIN
        assert found.bpp == bits(found.bitstream) == pytest.approx(target, rel=0.01)
        assert found.target == target
        assert found.bitstream == codec.encode(image[None], level=found.level)[0]
    levels = [found.level for found in matched]
    assert len(set(levels)) == 3
    assert levels == sorted(levels, reverse=True)  # later images have more texture


def test_what_was_matched_decodes_as_any_bitstream():
    codec = Steps()
    decoded = codec.decode([found.bitstream for found in encode_at(codec, IMAGES, bpp=5.0)])
    assert float((decoded - IMAGES).abs().mean()) < 0.1


@pytest.mark.parametrize("target", [4.0, 4.7, 5.0, 6.0, 7.0, 8.0, 9.0, 11.0])
def test_it_takes_six_encodings_at_most(target):
    codec = Steps()
    matched = encode_at(codec, IMAGES, bpp=target)
    assert max(found.encodings for found in matched) <= 6
    assert len(codec.asked) == sum(found.encodings for found in matched)


def test_the_images_themselves_are_left_as_they_are():
    class Overwrites(Steps):
        def encode(self, images, /, *, level=None):
            bitstreams = super().encode(images, level=level)
            images.zero_()
            return bitstreams

    images = IMAGES.clone()
    matched = encode_at(Overwrites(), images, bpp=5.0)
    assert torch.equal(images, IMAGES)
    assert all(found.reach is Reach.WITHIN for found in matched)


def test_a_target_between_two_levels_gets_the_nearer_of_them():
    levels = Levels(1, 8, 1)
    codec = Made(lambda level: 1000 * level, levels)
    for target, level in ((2300, 2), (2700, 3), (6450, 6), (7600, 8)):
        (found,) = encode_at(codec, IMAGES[:1], bpp=8 * target / PIXELS)
        assert (found.reach, found.level) == (Reach.NEAREST, level)
    expected = r"nearest are 0\.9766 bpp at level 2 and 1\.465 bpp at level 3"
    with pytest.raises(UsageError, match=rf"^image 0 can't be coded at 1\.2 bpp: {expected}$"):
        encode_at(codec, IMAGES[:1], bpp=1.2, strict=True)


@pytest.mark.parametrize(
    ("target", "reach", "level"),
    [(0.01, Reach.BELOW_RANGE, 0), (50.0, Reach.ABOVE_RANGE, 4)],
)
def test_a_target_outside_the_range_gets_the_nearest_end(target, reach, level):
    (found,) = encode_at(Steps(), IMAGES[:1], bpp=target)
    assert (found.reach, found.level) == (reach, level)
    assert found.encodings == 2
    low, high = (bits(Steps().encode(IMAGES[:1], level=end)[0]) for end in (0, 4))
    expected = f"image 0 can't be coded at {target:g} bpp: levels 0 to 4 in steps of 0.00390625 "
    with pytest.raises(UsageError) as caught:
        encode_at(Steps(), IMAGES[:1], bpp=target, strict=True)
    assert str(caught.value) == expected + f"reach {low:.4g} to {high:.4g} bpp"


def test_a_strict_search_that_meets_the_target_refuses_nothing():
    assert len(encode_at(Steps(), IMAGES, bpp=5.0, strict=True)) == 3


@pytest.mark.parametrize("target", [0, -1, math.nan, math.inf, "0.5", None, True])
def test_what_is_no_rate_is_refused(target):
    with pytest.raises(UsageError, match="expected a positive number of bits per pixel"):
        encode_at(Steps(), IMAGES, bpp=target)


def test_a_rate_that_falls_over_parts_of_the_range_is_met_all_the_same():
    codec = Made(lambda level: round(1500 * 1.5**level * (1 + 0.3 * math.sin(9 * level))))
    for bytes_wanted in (1800, 2500, 4000, 5000):
        (found,) = encode_at(codec, IMAGES[:1], bpp=8 * bytes_wanted / PIXELS)
        assert found.reach is Reach.WITHIN
        assert found.bpp == pytest.approx(8 * bytes_wanted / PIXELS, rel=0.01)


def test_a_rate_that_falls_with_the_level_is_met_all_the_same():
    codec = Made(lambda level: round(9000 * 0.5**level))
    (found,) = encode_at(codec, IMAGES[:1], bpp=8 * 1500 / PIXELS)
    assert found.reach is Reach.WITHIN


def test_a_peak_within_the_range_is_found_where_both_ends_lie_below():
    codec = Made(lambda level: 10 + round(3000 * math.exp(-((level - 1) ** 2))))
    (found,) = encode_at(codec, IMAGES[:1], bpp=8 * 2000 / PIXELS)
    assert found.reach is Reach.WITHIN


def test_a_codec_that_ignores_its_level_never_counts_as_within():
    (found,) = encode_at(Made(lambda level: 3000), IMAGES[:1], bpp=1.0)
    assert found.reach is Reach.BELOW_RANGE
    assert found.bpp == 8 * 3000 / PIXELS
    with pytest.raises(UsageError, match=r"reach 1\.465 to 1\.465 bpp"):
        encode_at(Made(lambda level: 3000), IMAGES[:1], bpp=1.0, strict=True)


def test_estimated_bytes_are_no_rate():
    class Estimate(bytes):
        def __len__(self) -> int:
            return 8

    class Estimates(Steps):
        def encode(self, images, /, *, level=None):
            return [Estimate(stream) for stream in super().encode(images, level=level)]

    with pytest.raises(CodecError, match=r"1 bitstreams \(Estimate\) for one image"):
        encode_at(Estimates(), IMAGES, bpp=1.0)


@pytest.mark.parametrize("returned", [[], [b""], [b"1", b"2"], ["text"]])
def test_anything_but_one_bitstream_for_an_image_is_refused(returned):
    class Wrong(Steps):
        def encode(self, images, /, *, level=None):
            return returned

    with pytest.raises(CodecError, match="expected a list with one bytes object"):
        encode_at(Wrong(), IMAGES, bpp=1.0)


@pytest.mark.parametrize(("bpp", "quality"), [(0.25, "bpp0.25"), (1.0, "bpp1"), (1e-5, "bpp1e-05")])
def test_a_target_has_a_quality_s_name_from_which_it_is_told(bpp, quality):
    assert quality_at(bpp) == quality
    assert target_of(quality) == bpp


@pytest.mark.parametrize("quality", ["1", "bpp", "bppx", "bpp0", "bppinf", "bpp-1", "q0.25"])
def test_other_qualities_are_no_targets(quality):
    assert target_of(quality) is None


def test_the_header_counts():
    class Headed(Steps):
        def encode(self, images, /, *, level=None):
            return [bytes(2000) + stream for stream in super().encode(images, level=level)]

    (bare,) = encode_at(Steps(), IMAGES[:1], bpp=5.0)
    (headed,) = encode_at(Headed(), IMAGES[:1], bpp=5.0)
    assert headed.level < bare.level
