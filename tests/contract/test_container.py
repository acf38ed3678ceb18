"""The bitstream layout: what it costs, and what it does with bytes that are not its own."""

import dataclasses
import tracemalloc
import zlib

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pytest_lic.container import (
    MAGIC,
    MAX_PIXELS,
    VERSION,
    Bitstream,
    is_container,
    pack,
    payload_size,
    read_varint,
    short_fingerprint,
    unpack,
    varint,
)
from pytest_lic.errors import (
    AbsurdSizeError,
    BitstreamError,
    CorruptBitstreamError,
    ForeignBitstreamError,
    FormatVersionError,
    NewerBitstreamError,
    TruncatedBitstreamError,
)

FINGERPRINT = short_fingerprint("a model")
STREAM = Bitstream(FINGERPRINT, 512, 768, (b"latent" * 30, b"", b"hyperlatent"))
PACKED = pack(STREAM)
SECOND = dataclasses.replace(STREAM, format_version=2)

streams = st.builds(
    Bitstream,
    fingerprint=st.binary(min_size=4, max_size=4),
    height=st.integers(1, 8192),
    width=st.integers(1, 8192),
    sections=st.lists(st.binary(max_size=400), max_size=20).map(tuple),
    format_version=st.integers(1, 255),
)


def resealed(body: bytes) -> bytes:
    """``body`` with a checksum that holds, as someone who forges a header would write it."""
    return body + zlib.crc32(body).to_bytes(4, "big")


@given(streams)
@example(Bitstream(FINGERPRINT, 1, 65535, ()))
@example(Bitstream(FINGERPRINT, 65535, 1, (b"",) * 255))
@settings(deadline=None)
def test_what_was_packed_is_unpacked(stream: Bitstream) -> None:
    packed = pack(stream)
    assert unpack(packed, fingerprint=stream.fingerprint) == stream
    assert payload_size(packed) == sum(len(section) for section in stream.sections)


@pytest.mark.parametrize("length", [0, 127, 128, 2**14, 2**21 - 1])
def test_two_sections_cost_at_most_22_bytes_below_2_mib(length: int) -> None:
    sections = (bytes(length), bytes(length))
    assert len(pack(dataclasses.replace(STREAM, sections=sections))) - 2 * length <= 22


def test_two_sections_cost_at_most_24_bytes_at_any_size() -> None:
    section = bytes(2**21)
    packed = pack(dataclasses.replace(STREAM, sections=(section, section)))
    assert len(packed) - 2 * len(section) == 24
    assert payload_size(packed) == 2 * len(section)


def test_format_version_1_is_layout_1_and_any_other_costs_one_byte() -> None:
    assert PACKED[:3] == MAGIC + b"\1"
    assert pack(SECOND) == resealed(MAGIC + b"\2\2" + PACKED[3:-4])
    assert is_container(pack(SECOND))
    assert payload_size(pack(SECOND)) == payload_size(PACKED)


@pytest.mark.parametrize(
    ("written", "read", "way_out"),
    [(1, 2, "the release that wrote it"), (3, 2, "that release or a newer one")],
)
def test_another_format_version_is_refused_by_name_whoever_wrote_it(
    written: int, read: int, way_out: str
) -> None:
    other = short_fingerprint("another model")
    stream = pack(dataclasses.replace(STREAM, format_version=written))
    told = (
        f"written by version {written} of this codec's format; this decoder reads version {read}: "
        f"decode it with {way_out}, or encode again"
    )
    with pytest.raises(FormatVersionError, match=told):
        unpack(stream, fingerprint=other, format_version=read)
    with pytest.raises(ForeignBitstreamError, match="by model"):
        unpack(stream, fingerprint=other, format_version=written)


@pytest.mark.parametrize("version", [0, 256])
def test_a_format_version_that_does_not_fit_is_refused(version: int) -> None:
    with pytest.raises(ValueError, match=f"format version {version}; expected 1 to 255"):
        pack(dataclasses.replace(STREAM, format_version=version))


@pytest.mark.parametrize("version", [b"\0", b"\1"])
def test_format_versions_below_2_are_never_written_in_layout_2(version: bytes) -> None:
    with pytest.raises(CorruptBitstreamError, match="which no pytest-lic wrote"):
        unpack(resealed(MAGIC + b"\2" + version + PACKED[3:-4]))


@pytest.mark.parametrize("packed", [PACKED, pack(SECOND)], ids=["layout 1", "layout 2"])
def test_a_stream_cut_anywhere_is_truncated(packed: bytes) -> None:
    for length in range(len(packed)):
        with pytest.raises(TruncatedBitstreamError):
            unpack(packed[:length])
        assert payload_size(packed[:length]) is None


def test_bytes_after_the_end_are_refused() -> None:
    with pytest.raises(CorruptBitstreamError, match="1 bytes more"):
        unpack(PACKED + b"\0")


@pytest.mark.parametrize("packed", [PACKED, pack(SECOND)], ids=["layout 1", "layout 2"])
def test_every_flipped_bit_is_a_typed_error(packed: bytes) -> None:
    for position in range(8 * len(packed)):
        damaged = bytearray(packed)
        damaged[position // 8] ^= 1 << position % 8
        with pytest.raises(BitstreamError):
            unpack(bytes(damaged), fingerprint=FINGERPRINT)


@given(st.data())
@settings(deadline=None)
def test_damage_never_gives_another_stream(data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(PACKED) - 1))
    replacement = data.draw(st.binary(max_size=8))
    damaged = PACKED[:position] + replacement + PACKED[position + len(replacement) :]
    try:
        assert unpack(damaged) == STREAM
    except BitstreamError:
        assert damaged != PACKED


@given(st.binary(max_size=200), st.booleans())
@settings(deadline=None)
def test_arbitrary_bytes_raise_only_typed_errors(tail: bytes, with_magic: bool) -> None:
    bitstream = MAGIC + bytes([VERSION]) + tail if with_magic else tail
    try:
        unpack(bitstream)
    except BitstreamError:
        payload_size(bitstream)


@pytest.mark.parametrize("bitstream", [b"\xff\xd8\xff\xe0 a JPEG", b"\xd1", b"\xff"])
def test_other_formats_are_foreign_or_too_short(bitstream: bytes) -> None:
    expected = TruncatedBitstreamError if MAGIC.startswith(bitstream) else ForeignBitstreamError
    with pytest.raises(expected):
        unpack(bitstream)
    assert not is_container(bitstream)
    assert payload_size(bitstream) is None


def test_another_models_stream_is_foreign_and_names_both_models() -> None:
    other = short_fingerprint("another model")
    with pytest.raises(ForeignBitstreamError, match=f"{FINGERPRINT.hex()}.*{other.hex()}"):
        unpack(PACKED, fingerprint=other)


def test_a_newer_version_is_refused_by_name() -> None:
    newer = resealed(MAGIC + bytes([VERSION + 1]) + PACKED[3:-4])
    with pytest.raises(NewerBitstreamError, match=f"version {VERSION + 1}"):
        unpack(newer)
    assert not is_container(newer)


def test_version_zero_was_never_written() -> None:
    with pytest.raises(CorruptBitstreamError, match="version 0"):
        unpack(resealed(MAGIC + b"\0" + PACKED[3:-4]))


@pytest.mark.parametrize(("height", "width"), [(0, 1), (1, 0), (65535, 65535), (8193, 8192)])
def test_absurd_image_sizes_are_refused_on_both_sides(height: int, width: int) -> None:
    size = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    with pytest.raises(AbsurdSizeError, match=f"{width}×{height}"):
        unpack(resealed(PACKED[:7] + size + PACKED[11:-4]))
    with pytest.raises(AbsurdSizeError, match=f"{width}×{height}"):
        pack(dataclasses.replace(STREAM, height=height, width=width))


def test_the_pixel_limit_can_be_lowered_and_raised() -> None:
    large = dataclasses.replace(STREAM, height=8193, width=8192)
    assert unpack(pack(large, max_pixels=2 * MAX_PIXELS), max_pixels=2 * MAX_PIXELS) == large
    with pytest.raises(AbsurdSizeError):
        unpack(PACKED, max_pixels=512 * 768 - 1)


def test_claimed_section_lengths_allocate_nothing() -> None:
    claims = b"\xff\xff\xff\x7f" * 255  # 255 sections of 256 MiB
    forged = resealed(PACKED[:11] + b"\xff" + claims)
    tracemalloc.start()
    try:
        with pytest.raises(TruncatedBitstreamError):
            unpack(forged)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_a_section_length_that_never_ends_is_corrupt() -> None:
    with pytest.raises(CorruptBitstreamError, match="section length"):
        unpack(resealed(PACKED[:11] + b"\x01" + b"\x80" * 5))


def test_more_sections_than_fit_are_refused() -> None:
    with pytest.raises(AbsurdSizeError, match="256 sections"):
        pack(dataclasses.replace(STREAM, sections=(b"",) * 256))


def test_a_fingerprint_of_another_length_is_a_programming_error() -> None:
    with pytest.raises(ValueError, match="3 bytes"):
        pack(dataclasses.replace(STREAM, fingerprint=b"abc"))


@pytest.mark.parametrize("number", [0, 1, 127, 128, 2**14 - 1, 2**14, 2**28 - 1])
def test_a_number_is_read_as_it_was_written(number: int) -> None:
    written = varint(number)
    assert read_varint(b"x" + written + b"y", 1, len(written)) == (number, 1 + len(written))
    with pytest.raises(IndexError):
        read_varint(written[:-1], 0, 4)
    with pytest.raises(ValueError, match="more than"):
        read_varint(b"\x80" + written, 0, len(written))
