"""What an image file's own structure says, before any of its pixels is decoded.

Image libraries are made to show something: several return a picture for a file that was cut
short, and all of them allocate first. So the markers and boxes are walked here: the file must be
of the right format, whole, end where it says, and be of a sane size. Samples are not looked at:
these formats carry no checksum.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import MappingProxyType

from pytest_lic.container import MAX_PIXELS
from pytest_lic.errors import (
    AbsurdSizeError,
    CorruptBitstreamError,
    ForeignBitstreamError,
    TruncatedBitstreamError,
)


def read_size(format: str, contents: bytes) -> tuple[int, int]:
    """Height and width, in pixels, that a file's header gives; HEIF's may include padding.

    Args:
        format: one of `FORMATS`.
        contents: the whole file.

    Raises:
        ForeignBitstreamError: a file of another format.
        TruncatedBitstreamError: the file ends before it should.
        CorruptBitstreamError: bytes after its end, or a structure that makes no sense.
        AbsurdSizeError: no pixels, or more than `MAX_PIXELS`.
    """
    height, width = FORMATS[format](contents)
    if not 0 < height * width <= MAX_PIXELS:
        raise AbsurdSizeError(
            f"{format} file of {width}×{height} pixels; expected 1 to {MAX_PIXELS} pixels"
        )
    if format == "JPEG":
        # The library draws what is missing in grey. Each 8×8 block takes a bit at least.
        _require_bytes(format, contents, -(-height // 8) * -(-width // 8) // 8)
    return height, width


def _jpeg(contents: bytes) -> tuple[int, int]:
    """ITU-T T.81, annex B: segments, then scans of entropy-coded bytes, up to EOI."""
    _require_magic("JPEG", contents, b"\xff\xd8\xff")
    size = None
    position = 2
    while True:
        _require_bytes("JPEG", contents, position + 2)
        if contents[position] != 0xFF:
            raise CorruptBitstreamError(f"JPEG file: no marker at byte {position}")
        marker = contents[position + 1]
        if marker == 0xD9:
            _require_end("JPEG", contents, position + 2)
            break
        _require_bytes("JPEG", contents, position + 4)
        end = position + 2 + int.from_bytes(contents[position + 2 : position + 4], "big")
        _require_bytes("JPEG", contents, end)
        # A frame header; C4, C8 and CC are tables and an extension.
        if 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:
            height = int.from_bytes(contents[position + 5 : position + 7], "big")
            size = height, int.from_bytes(contents[position + 7 : position + 9], "big")
        position = _jpeg_scan_end(contents, end) if marker == 0xDA else max(end, position + 4)
    if size is None:
        raise CorruptBitstreamError("JPEG file: no frame header")
    return size


def _jpeg_scan_end(contents: bytes, position: int) -> int:
    """Where the first marker after entropy-coded bytes stands; stuffing and restarts are none."""
    while True:
        position = contents.find(b"\xff", position)
        if position < 0 or position + 1 >= len(contents):
            raise TruncatedBitstreamError(
                f"JPEG file of {len(contents)} bytes ends without an end marker"
            )
        following = contents[position + 1]
        if following == 0xFF:
            position += 1
        elif following == 0 or 0xD0 <= following <= 0xD7:
            position += 2
        else:
            return position


def _jpeg2000(contents: bytes) -> tuple[int, int]:
    """ITU-T T.800, annex A: the main header, then tile-parts that give their lengths, then EOC."""
    _require_magic("JPEG2000", contents, b"\xff\x4f\xff\x51")
    _require_bytes("JPEG2000", contents, 2 + 40)
    right, bottom, left, top = struct.unpack_from(">4I", contents, 8)
    components = int.from_bytes(contents[40:42], "big")
    if components != 3:
        raise CorruptBitstreamError(f"JPEG2000 file of {components} components; expected 3")
    position = 2
    while True:
        _require_bytes("JPEG2000", contents, position + 2)
        marker = contents[position : position + 2]
        if marker == b"\xff\xd9":
            _require_end("JPEG2000", contents, position + 2)
            return max(bottom - top, 0), max(right - left, 0)
        if marker == b"\xff\x90":  # a tile-part; its length counts from its marker
            _require_bytes("JPEG2000", contents, position + 12)
            length = int.from_bytes(contents[position + 6 : position + 10], "big")
        else:
            _require_bytes("JPEG2000", contents, position + 4)
            length = 2 + int.from_bytes(contents[position + 2 : position + 4], "big")
        if marker[0] != 0xFF or length < 4:
            raise CorruptBitstreamError(f"JPEG2000 file: no marker segment at byte {position}")
        position += length


def _webp(contents: bytes) -> tuple[int, int]:
    """RFC 9649; the simple layouts alone: the extended one holds metadata or animation."""
    _require_magic("WEBP", contents, b"RIFF")
    _require_bytes("WEBP", contents, 30)
    chunk = contents[12:16]
    if contents[8:12] != b"WEBP" or chunk not in {b"VP8 ", b"VP8L"}:
        raise ForeignBitstreamError("RIFF file, but not a plain WEBP image")
    end = 8 + int.from_bytes(contents[4:8], "little")
    _require_bytes("WEBP", contents, end)
    _require_end("WEBP", contents, end)
    if chunk == b"VP8 " and contents[23:26] == b"\x9d\x01\x2a":
        width = int.from_bytes(contents[26:28], "little") & 0x3FFF
        return int.from_bytes(contents[28:30], "little") & 0x3FFF, width
    if chunk == b"VP8L" and contents[20] == 0x2F:
        bits = int.from_bytes(contents[21:25], "little")
        return (bits >> 14 & 0x3FFF) + 1, (bits & 0x3FFF) + 1
    raise CorruptBitstreamError("WEBP file: its frame does not begin with the start code")


def _isobmff(format: str, brands: set[bytes], contents: bytes) -> tuple[int, int]:
    """ISO/IEC 14496-12 boxes; the largest `ispe` (ISO/IEC 23008-12) is the size."""
    if len(contents) >= 12 and (contents[4:8] != b"ftyp" or contents[8:12] not in brands):
        raise ForeignBitstreamError(
            f"bitstream begins with {contents[:12].hex(' ')}: it is not a {format} file; "
            "decode it with the codec that wrote it"
        )
    _require_bytes(format, contents, 12)
    top: dict[bytes, tuple[int, int]] = {}
    for kind, *place in _boxes(format, contents, 0, len(contents)):
        if kind in top:
            raise CorruptBitstreamError(f"{format} file with two boxes {kind!r}")
        top[kind] = place[0], place[1]
    for kind in (b"meta", b"mdat"):
        if kind not in top:
            raise TruncatedBitstreamError(
                f"{format} file of {len(contents)} bytes has no box {kind!r}"
            )
    sizes = [(0, 0)]
    start, end = top[b"meta"]
    for properties, *inside in _boxes(format, contents, start + 4, end):
        if properties != b"iprp":
            continue
        for container, *within in _boxes(format, contents, *inside):
            if container != b"ipco":
                continue
            for kind, at, _ in _boxes(format, contents, *within):
                if kind == b"ispe":
                    width = int.from_bytes(contents[at + 4 : at + 8], "big")
                    sizes.append((int.from_bytes(contents[at + 8 : at + 12], "big"), width))
    return max(sizes, key=lambda size: size[0] * size[1])


def _boxes(format: str, contents: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Each box's kind, and where its payload begins and ends; together they must fill the range."""
    while start < end:
        _require_bytes(format, contents, start + 8)
        length = int.from_bytes(contents[start : start + 4], "big")
        kind = contents[start + 4 : start + 8]
        _require_bytes(format, contents, start + length)
        if length < 8 or start + length > end:
            raise CorruptBitstreamError(f"{format} file: box {kind!r} of {length} bytes")
        yield kind, start + 8, start + length
        start += length


def _require_magic(format: str, contents: bytes, magic: bytes) -> None:
    head = contents[: len(magic)]
    if len(head) < len(magic) and magic.startswith(head):
        raise TruncatedBitstreamError(f"bitstream of {len(contents)} bytes is no {format} file yet")
    if head != magic:
        raise ForeignBitstreamError(
            f"bitstream begins with {head.hex(' ')}: it is not a {format} file; "
            "decode it with the codec that wrote it"
        )


def _require_bytes(format: str, contents: bytes, needed: int) -> None:
    if len(contents) < needed:
        raise TruncatedBitstreamError(
            f"{format} file of {len(contents)} bytes; its structure asks for at least {needed}"
        )


def _require_end(format: str, contents: bytes, end: int) -> None:
    if len(contents) > end:
        raise CorruptBitstreamError(f"{format} file has {len(contents) - end} bytes after its end")


FORMATS: Mapping[str, Callable[[bytes], tuple[int, int]]] = MappingProxyType(
    {
        "JPEG": _jpeg,
        "JPEG2000": _jpeg2000,
        "WEBP": _webp,
        "AVIF": partial(_isobmff, "AVIF", {b"avif"}),
        "HEIF": partial(_isobmff, "HEIF", {b"heic", b"heix"}),
    }
)
"""Pillow's name of a format → the function that walks a file of it."""
