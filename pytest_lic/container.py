"""The layout of one image's bitstream, for codecs that have none of their own.

    magic        2 bytes   D1 1C
    version      1 byte    of this layout: 1 or 2
    format       1 byte    version of the codec's format, 2 to 255; only in layout 2
    fingerprint  4 bytes   of the model that wrote it
    height       2 bytes   pixels, big-endian, 1 to 65,535
    width        2 bytes
    count        1 byte    number of sections
    lengths      varint each (7 bits a byte, least significant group first)
    sections
    crc          4 bytes   CRC-32 of everything before it, big-endian

Layout 1 means format version 1: a codec pays for another only once it has broken with its old
streams. Of a two-section stream at most 22 bytes are not the sections' when both are under 2 MiB,
24 when both are larger, and one more in layout 2.
Nothing is allocated on the word of a header: lengths are checked against the bytes at hand and
the image size against a limit first.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from pytest_lic.errors import (
    AbsurdSizeError,
    BitstreamError,
    CorruptBitstreamError,
    ForeignBitstreamError,
    FormatVersionError,
    NewerBitstreamError,
    TruncatedBitstreamError,
)

MAGIC = b"\xd1\x1c"
VERSION = 2
"""The newest layout that this code reads."""
MAX_FORMAT_VERSION = 0xFF
MAX_PIXELS = 2**26
"""Images larger than this many pixels are refused on both sides unless the caller allows more."""

_FIXED = 12  # magic, version, fingerprint, height, width, count; in layout 2 one more
_CRC = 4
_MAX_SIDE = 0xFFFF
_MAX_SECTIONS = 0xFF
_MAX_VARINT_BYTES = 4  # a section is at most 256 MiB


@dataclass(frozen=True)
class Bitstream:
    """One image's parsed bitstream.

    ``fingerprint`` is 4 bytes; ``height`` and ``width`` are in pixels, before any padding.
    ``format_version``, 1 to 255, is the codec's own (see `pytest_lic.CodecFamily`).
    """

    fingerprint: bytes
    height: int
    width: int
    sections: tuple[bytes, ...]
    format_version: int = 1


def short_fingerprint(text: str) -> bytes:
    """The 4 bytes that stand in a bitstream for the model described by ``text``."""
    return hashlib.sha256(text.encode()).digest()[:4]


def pack(stream: Bitstream, *, max_pixels: int = MAX_PIXELS) -> bytes:
    """Serialise one image's bitstream.

    Raises:
        AbsurdSizeError: an image or a section that the layout, or ``max_pixels``, can't hold.
    """
    _check_size(stream.height, stream.width, max_pixels)
    if len(stream.fingerprint) != 4:
        raise ValueError(f"fingerprint of {len(stream.fingerprint)} bytes; expected 4")
    if not 1 <= stream.format_version <= MAX_FORMAT_VERSION:
        raise ValueError(f"format version {stream.format_version}; expected 1 to 255")
    if len(stream.sections) > _MAX_SECTIONS:
        raise AbsurdSizeError(
            f"{len(stream.sections)} sections in one bitstream; at most {_MAX_SECTIONS} fit"
        )
    parts = [
        MAGIC,
        b"\1" if stream.format_version == 1 else bytes([2, stream.format_version]),
        stream.fingerprint,
        stream.height.to_bytes(2, "big"),
        stream.width.to_bytes(2, "big"),
        bytes([len(stream.sections)]),
        *map(_length, stream.sections),
        *stream.sections,
    ]
    body = b"".join(parts)
    return body + zlib.crc32(body).to_bytes(_CRC, "big")


def unpack(
    bitstream: bytes,
    *,
    fingerprint: bytes | None = None,
    format_version: int | None = None,
    max_pixels: int = MAX_PIXELS,
) -> Bitstream:
    """Parse and check one image's bitstream.

    Args:
        bitstream: what `pack` returned.
        fingerprint: the 4 bytes that the stream must carry, or None to accept any model's.
        format_version: of the codec's format that the stream must be in, or None to accept any.
        max_pixels: the largest H × W to accept.

    Raises:
        ForeignBitstreamError: not this layout, or another model's stream.
        FormatVersionError: another version of the codec's format; said before anything is said of
            the fingerprint, since such a stream is another model's too.
        NewerBitstreamError: a newer layout.
        TruncatedBitstreamError: fewer bytes than the header needs.
        CorruptBitstreamError: more bytes than that, or a checksum that does not hold.
        AbsurdSizeError: an image of no pixels or of more than ``max_pixels``.
    """
    _check_head(bitstream)
    lengths, start, stream_version = _lengths(bitstream)
    end = start + sum(lengths)
    if end + _CRC > len(bitstream):
        raise TruncatedBitstreamError(
            f"bitstream of {len(bitstream)} bytes; its header asks for {end + _CRC}"
        )
    if end + _CRC < len(bitstream):
        raise CorruptBitstreamError(
            f"bitstream has {len(bitstream) - end - _CRC} bytes more than its header accounts for"
        )
    stored = int.from_bytes(bitstream[end:], "big")
    computed = zlib.crc32(bitstream[:end])
    if stored != computed:
        raise CorruptBitstreamError(
            f"bitstream checksum is {stored:08x}, its bytes give {computed:08x}: it was damaged"
        )
    _check_origin(bitstream, stream_version, fingerprint, format_version)
    return _bitstream(bitstream, lengths, start, stream_version, max_pixels)


def unpack_part(
    bitstream: bytes,
    *,
    fingerprint: bytes | None = None,
    format_version: int | None = None,
    max_pixels: int = MAX_PIXELS,
) -> tuple[Bitstream, int]:
    """Parse the first bytes of a bitstream, which may end within its last section.

    A whole bitstream is checked as by `unpack`; a part has no checksum.

    Returns:
        what is there, and how many bytes the whole of the last section has.

    Raises:
        TruncatedBitstreamError: it ends before its last section begins.
        BitstreamError: as `unpack`.
    """
    _check_head(bitstream)
    lengths, start, stream_version = _lengths(bitstream)
    last = lengths[-1] if lengths else 0
    begins = start + sum(lengths) - last
    if len(bitstream) >= begins + last + _CRC:
        whole = unpack(
            bitstream,
            fingerprint=fingerprint,
            format_version=format_version,
            max_pixels=max_pixels,
        )
        return whole, last
    if len(bitstream) <= begins:
        raise TruncatedBitstreamError(
            f"bitstream of {len(bitstream)} bytes ends before its last section, which begins "
            f"after {begins}; of a part of it nothing can be decoded before that"
        )
    _check_origin(bitstream, stream_version, fingerprint, format_version)
    return _bitstream(bitstream, lengths, start, stream_version, max_pixels), last


def part_length(bitstream: bytes, bytes_of_last: int) -> int:
    """How long the part of a whole bitstream is that holds so many bytes of its last section.

    The whole of the section comes with what is behind it.
    """
    lengths, start, _ = _lengths(bitstream)
    if not lengths or bytes_of_last >= lengths[-1]:
        return len(bitstream)
    return start + sum(lengths[:-1]) + bytes_of_last


def _check_head(bitstream: bytes) -> None:
    head = bitstream[: len(MAGIC)]
    if not bitstream or (len(bitstream) < len(MAGIC) and MAGIC.startswith(head)):
        raise TruncatedBitstreamError(
            f"bitstream of {len(bitstream)} bytes; the shortest has {_FIXED + _CRC}"
        )
    if head != MAGIC:
        raise ForeignBitstreamError(
            f"bitstream begins with {head.hex(' ')}, not {MAGIC.hex(' ')}: it is not a pytest-lic "
            "container; decode it with the codec that wrote it"
        )
    if len(bitstream) > 2 and bitstream[2] > VERSION:
        raise NewerBitstreamError(
            f"bitstream of container version {bitstream[2]}; this pytest-lic reads up to "
            f"{VERSION}: upgrade it, or encode again"
        )
    if len(bitstream) > 2 and bitstream[2] == 0:
        raise CorruptBitstreamError(
            "bitstream of container version 0, which no pytest-lic wrote: it was damaged"
        )


def _check_origin(
    bitstream: bytes, stream_version: int, fingerprint: bytes | None, format_version: int | None
) -> None:
    if format_version is not None and stream_version != format_version:
        raise FormatVersionError(stream_version, format_version)
    stream_fingerprint, _, _ = _facts(bitstream)
    if fingerprint is not None and stream_fingerprint != fingerprint:
        raise ForeignBitstreamError(
            f"bitstream was written by model {stream_fingerprint.hex()}, this decoder is "
            f"{fingerprint.hex()}: decode it with the same codec, quality and weights"
        )


def _bitstream(
    bitstream: bytes,
    lengths: Sequence[int],
    start: int,
    stream_version: int,
    max_pixels: int,
) -> Bitstream:
    fingerprint, height, width = _facts(bitstream)
    _check_size(height, width, max_pixels)
    sections = []
    for length in lengths:
        sections.append(bitstream[start : start + length])
        start += length
    return Bitstream(fingerprint, height, width, tuple(sections), stream_version)


def _facts(bitstream: bytes) -> tuple[bytes, int, int]:
    """Fingerprint, height and width, as the header has them."""
    first = _fixed(bitstream) - 9  # of what follows the version or versions
    height = int.from_bytes(bitstream[first + 4 : first + 6], "big")
    width = int.from_bytes(bitstream[first + 6 : first + 8], "big")
    return bitstream[first : first + 4], height, width


def payload_size(bitstream: bytes) -> int | None:
    """Bytes of the sections alone, or None where ``bitstream`` is not an intact container.

    Other codecs' bitstreams come here too, so nothing is raised whatever the bytes are.
    """
    if not is_container(bitstream):
        return None
    try:
        stream = unpack(bitstream, max_pixels=_MAX_SIDE**2)
    except BitstreamError:
        return None
    return sum(len(section) for section in stream.sections)


def is_container(bitstream: bytes) -> bool:
    """Whether ``bitstream`` begins as a container of a version that this code reads."""
    return bitstream.startswith(MAGIC) and len(bitstream) > 2 and 1 <= bitstream[2] <= VERSION


def _check_size(height: int, width: int, max_pixels: int) -> None:
    if not (1 <= height <= _MAX_SIDE and 1 <= width <= _MAX_SIDE):
        raise AbsurdSizeError(f"image of {width}×{height} pixels; each side must be 1 to 65535")
    if height * width > max_pixels:
        raise AbsurdSizeError(
            f"image of {width}×{height} pixels; at most {max_pixels} pixels are accepted"
        )


def _length(section: bytes) -> bytes:
    stored = varint(len(section))
    if len(stored) > _MAX_VARINT_BYTES:
        raise AbsurdSizeError("a section of 256 MiB or more does not fit into a bitstream")
    return stored


def _fixed(bitstream: bytes) -> int:
    """The size of the header up to the sections' lengths."""
    return _FIXED if bitstream[2:3] == b"\1" else _FIXED + 1


def _lengths(bitstream: bytes) -> tuple[Sequence[int], int, int]:
    """The sections' lengths in bytes, where the first section begins, and the format version."""
    position = _fixed(bitstream)
    if len(bitstream) < position + _CRC:
        raise TruncatedBitstreamError(
            f"bitstream of {len(bitstream)} bytes; the shortest has {position + _CRC}"
        )
    format_version = 1 if position == _FIXED else bitstream[3]
    if position > _FIXED and format_version < 2:
        raise CorruptBitstreamError(
            f"bitstream of format version {format_version} in container version 2, which no "
            "pytest-lic wrote: it was damaged"
        )
    lengths = []
    for _ in range(bitstream[position - 1]):
        try:
            length, position = read_varint(bitstream, position, _MAX_VARINT_BYTES)
        except IndexError:
            raise TruncatedBitstreamError(
                f"bitstream of {len(bitstream)} bytes ends within its section lengths"
            ) from None
        except ValueError:
            raise CorruptBitstreamError(
                "bitstream holds a section length of more than 4 bytes"
            ) from None
        lengths.append(length)
    return lengths, position, format_version


def varint(number: int) -> bytes:
    """``number``, at least 0, in groups of 7 bits, the least significant first.

    All bytes but the last have their top bit set.
    """
    groups = bytearray()
    while number >= 0x80:
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    groups.append(number)
    return bytes(groups)


def read_varint(content: bytes, position: int, most: int) -> tuple[int, int]:
    """The number that `varint` wrote at ``position``, and where it ends.

    Raises:
        IndexError: ``content`` ends before it does.
        ValueError: it takes more than ``most`` bytes.
    """
    number = 0
    for place in range(most):
        byte = content[position + place]
        number |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return number, position + place + 1
    raise ValueError(f"a number of more than {most} bytes")
