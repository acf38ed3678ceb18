"""Image files that are cut short, damaged, of another format or too large are refused."""

from __future__ import annotations

import numpy as np
import pillow_heif
import pytest
import torch
from PIL import Image, ImageFile

from pytest_lic.codec import CodecFamily
from pytest_lic.errors import (
    AbsurdSizeError,
    BitstreamError,
    CorruptBitstreamError,
    ForeignBitstreamError,
    TruncatedBitstreamError,
)
from tests.helpers.image_files import FAMILIES, MAGIC, middle, noise

pytestmark = pytest.mark.filterwarnings("error")


def test_a_file_cut_short_anywhere_is_refused(family: CodecFamily) -> None:
    codec = middle(family)
    [bitstream] = codec.encode(noise(31, 33))
    for length in range(len(bitstream)):
        with pytest.raises(TruncatedBitstreamError):
            codec.decode([bitstream[:length]])


@pytest.mark.parametrize("name", ["jpeg", "jpeg2000"])
def test_damage_that_pillow_was_told_to_tolerate_is_refused(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    codec = middle(FAMILIES[name])
    [bitstream] = codec.encode(noise(64, 64))
    refused = []
    for position in range(len(bitstream)):
        damaged = bitstream[:position] + b"\x81" + bitstream[position + 1 :]
        try:
            codec.decode([damaged])
        except BitstreamError as error:
            if isinstance(error.__cause__, OSError):  # Pillow's word, not the header's
                refused.append(damaged)
    assert refused
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    for damaged in refused:
        with pytest.raises(CorruptBitstreamError):
            codec.decode([damaged])


def test_bytes_after_the_end_of_the_file_are_refused(family: CodecFamily) -> None:
    codec = middle(family)
    [bitstream] = codec.encode(noise(31, 33))
    for extra in (b"\x00", b"\xff", b"\xff\xd9", bitstream):
        with pytest.raises((CorruptBitstreamError, TruncatedBitstreamError)):
            codec.decode([bitstream + extra])


def test_another_codecs_bitstream_is_foreign(family: CodecFamily) -> None:
    others = [middle(other).encode(noise(31, 33))[0] for other in FAMILIES.values()]
    others = [other for other in others if not other.startswith(MAGIC[family.name])]
    assert len(others) == len(FAMILIES) - 1
    for foreign in (*others, b"\xd1\x1c\x01" + bytes(40), b"not an image, but long enough"):
        with pytest.raises(ForeignBitstreamError):
            middle(family).decode([foreign])


def test_an_absurd_size_is_refused_before_anything_is_decoded(
    family: CodecFamily, monkeypatch: pytest.MonkeyPatch
) -> None:
    codec = middle(family)
    [bitstream] = codec.encode(noise(31, 33))
    forged = bytearray(bitstream)
    if family.name == "jpeg":
        at = bitstream.index(b"\xff\xc0") + 5
        forged[at : at + 4] = b"\xff\xff\xff\xff"
    elif family.name == "jpeg2000":
        forged[8:16] = b"\x7f\xff\xff\xff" * 2
    elif family.name == "webp":
        forged[26:30] = b"\xff\x3f\xff\x3f"
    else:
        at = bitstream.index(b"ispe") + 8
        forged[at : at + 8] = b"\x7f\xff\xff\xff" * 2

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the library was called")

    monkeypatch.setattr(Image, "open", refuse)
    monkeypatch.setattr(pillow_heif, "open_heif", refuse)
    with pytest.raises(AbsurdSizeError, match="×"):
        codec.decode([bytes(forged)])


def test_a_jpeg_too_short_for_its_pixels_is_truncated(photograph: torch.Tensor) -> None:
    """Its library would draw 67 million pixels in grey."""
    codec = middle(FAMILIES["jpeg"])
    [bitstream] = codec.encode(photograph)
    at = bitstream.index(b"\xff\xc0") + 5
    forged = bitstream[:at] + b"\x1f\xff\x1f\xff" + bitstream[at + 4 :]
    with pytest.raises(TruncatedBitstreamError, match="asks for at least 131072"):
        codec.decode([forged])


def test_pillows_own_limit_counts_too(
    photograph: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    codec = middle(FAMILIES["jpeg"])
    bitstreams = codec.encode(photograph)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(AbsurdSizeError, match="exceeds limit"):
        codec.decode(bitstreams)


def test_a_header_that_contradicts_the_picture_is_corrupt() -> None:
    codec = middle(FAMILIES["hevc"])
    [bitstream] = codec.encode(noise(64, 96))
    at = bitstream.index(b"ispe") + 8
    forged = bitstream[:at] + (48).to_bytes(4, "big") + bitstream[at + 4 :]
    with pytest.raises(CorruptBitstreamError):
        codec.decode([forged])


def test_damage_gives_a_picture_or_a_bitstream_error_and_nothing_else(family: CodecFamily) -> None:
    codec = middle(family)
    [bitstream] = codec.encode(noise(31, 33))
    random = np.random.default_rng(5)
    refused = 0
    for _ in range(150):
        damaged = bytearray(bitstream)
        damaged[random.integers(len(damaged))] ^= 1 << int(random.integers(8))
        try:
            decoded = codec.decode([bytes(damaged)])
        except BitstreamError:
            refused += 1
        else:
            assert decoded.shape[:2] == (1, 3)
    assert refused > 5
