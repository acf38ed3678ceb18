"""Changes bitstreams as broken disks, cut transfers and people who mean harm do.

`mutated` changes a bitstream in one to three ways that `Chooser` chooses, so that the same code
serves a campaign of random numbers and a Hypothesis strategy, which shrinks its choices.

What begins as a container of pytest-lic (see `container`) is also taken apart: sections twice, in
another order or from another stream, and fields of the header at their extremes. Its checksum is
repaired in three cases of four, or hardly anything would get past it.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from pytest_lic.container import Bitstream, is_container, pack, unpack, varint
from pytest_lic.errors import BitstreamError

_EXTREMES = (0x00, 0x01, 0x7F, 0x80, 0xFE, 0xFF)
_SIDES = (0, 1, 2, 15, 17, 63, 65, 255, 257, 4096, 8192, 0x7FFF, 0x8000, 0xFFFF)
_Item = TypeVar("_Item")
_MOST = 3  # ways in which one stream is changed


class Chooser(Protocol):
    """Where choices come from, such as `random.Random`."""

    def randint(self, least: int, most: int, /) -> int:
        """One of ``least`` … ``most``."""
        ...


@dataclass(frozen=True)
class Mutated:
    """A bitstream that was changed, and how: the names of `MUTATIONS`."""

    bitstream: bytes
    ways: tuple[str, ...]


def mutated(bitstream: bytes, others: Sequence[bytes], choose: Chooser) -> Mutated:
    """``bitstream``, changed.

    Args:
        bitstream: of one image.
        others: whose parts may get into it; none is needed.
        choose: by whom.
    """
    changed, ways = bitstream, []
    for _ in range(choose.randint(1, _MOST)):
        known = [name for name in MUTATIONS if is_intact(changed) or name not in OF_CONTAINERS]
        name = _one_of(known, choose)
        changed = MUTATIONS[name](changed, [*others, bitstream], choose)
        ways.append(name)
    if is_container(changed) and choose.randint(0, 3):
        changed = resealed(changed)
        ways.append("checksum repaired")
    return Mutated(changed, tuple(ways))


def resealed(bitstream: bytes) -> bytes:
    """A container with the checksum that its other bytes have."""
    body = bitstream[:-4]
    return body + zlib.crc32(body).to_bytes(4, "big")


def is_intact(bitstream: bytes) -> bool:
    """Whether it is a container whose parts can be told apart."""
    return is_container(bitstream) and _parts(bitstream) is not None


def _one_of(items: Sequence[_Item], choose: Chooser) -> _Item:
    return items[choose.randint(0, len(items) - 1)]


Mutation = Callable[[bytes, Sequence[bytes], Chooser], bytes]


def _flipped(stream: bytes, others: Sequence[bytes], choose: Chooser) -> bytes:
    changed = bytearray(stream)
    for _ in range(1 << choose.randint(0, 6) if stream else 0):
        changed[choose.randint(0, len(changed) - 1)] ^= 1 << choose.randint(0, 7)
    return bytes(changed)


def _overwritten(stream: bytes, others: Sequence[bytes], choose: Chooser) -> bytes:
    """A stretch of one extreme byte."""
    start = choose.randint(0, len(stream))
    length = min((1 << choose.randint(0, 8)), len(stream) - start)
    filling = bytes([_one_of(_EXTREMES, choose)])
    return stream[:start] + filling * length + stream[start + length :]


def _truncated(stream: bytes, others: Sequence[bytes], choose: Chooser) -> bytes:
    end = choose.randint(0, max(len(stream) - 1, 0))
    return stream[:end]


def _extended(stream: bytes, others: Sequence[bytes], choose: Chooser) -> bytes:
    filling = bytes([_one_of(_EXTREMES, choose)])
    return stream + filling * (1 << choose.randint(0, 12))


def _shortened(stream: bytes, others: Sequence[bytes], choose: Chooser) -> bytes:
    """Some bytes in its middle missing."""
    start = choose.randint(0, len(stream))
    return stream[:start] + stream[start + (1 << choose.randint(0, 6)) :]


def _repeated(stream: bytes, others: Sequence[bytes], choose: Chooser) -> bytes:
    """Some bytes in its middle twice."""
    start = choose.randint(0, len(stream))
    end = start + (1 << choose.randint(0, 6))
    return stream[:end] + stream[start:]


def _spliced(stream: bytes, others: Sequence[bytes], choose: Chooser) -> bytes:
    """Its beginning and another's end."""
    other = _one_of(others, choose)
    return stream[: choose.randint(0, len(stream))] + other[choose.randint(0, len(other)) :]


def _number(stream: bytes, others: Sequence[bytes], choose: Chooser) -> bytes:
    """Two or four bytes at their extremes, as lengths and sizes of most formats are."""
    size = (2, 4)[choose.randint(0, 1)]
    if len(stream) < size:
        return stream
    start = choose.randint(0, len(stream) - size)
    extremes: tuple[int, ...] = (
        0,
        1,
        2 ** (8 * size - 1) - 1,
        2 ** (8 * size - 1),
        2 ** (8 * size) - 1,
    )
    number = _one_of(extremes, choose)
    edited = number.to_bytes(size, "big" if choose.randint(0, 1) else "little")
    return stream[:start] + edited + stream[start + size :]


def _section_damaged(stream: bytes, others: Sequence[bytes], choose: Chooser) -> bytes:
    """One section changed, and the lengths in the header with it."""
    parts = _known_parts(stream)
    sections = list(parts.sections)
    if not sections:
        return stream
    at = choose.randint(0, len(sections) - 1)
    names = [name for name in MUTATIONS if name not in OF_CONTAINERS]
    name = _one_of(names, choose)
    sections[at] = MUTATIONS[name](sections[at], [*sections, b""], choose)
    return _with_sections(parts, sections)


def _sections_moved(stream: bytes, others: Sequence[bytes], choose: Chooser) -> bytes:
    """Sections swapped, twice, missing, empty, or another stream's."""
    parts = _known_parts(stream)
    sections = list(parts.sections)
    strangers = [
        section for other in others if is_intact(other) for section in _known_parts(other).sections
    ]
    place = choose.randint(0, max(len(sections) - 1, 0))
    match choose.randint(0, 4):
        case 0:
            sections.reverse()
        case 1:
            sections[place:place] = sections[place : place + 1] * (1 << choose.randint(0, 7))
        case 2:
            del sections[place : place + 1]
        case 3:
            sections[place : place + 1] = [b""]
        case 4 if strangers:
            sections[place : place + 1] = [_one_of(strangers, choose)]
    return _with_sections(parts, sections[:255])


def _lengths_edited(stream: bytes, others: Sequence[bytes], choose: Chooser) -> bytes:
    """The length of a section another than it is, without the section changing."""
    parts = _known_parts(stream)
    if not parts.sections:
        return stream
    at = choose.randint(0, len(parts.sections) - 1)
    length = len(parts.sections[at])
    claimed = (0, 1, length - 1, length + 1, 2 * length, 2**21, 2**28 - 1)[choose.randint(0, 6)]
    lengths = [len(section) for section in parts.sections]
    lengths[at] = max(claimed, 0)
    head = stream[: _header_size(stream, parts)]
    body = head + b"".join(map(varint, lengths)) + b"".join(parts.sections)
    return resealed(body + bytes(4))


def _size_edited(stream: bytes, others: Sequence[bytes], choose: Chooser) -> bytes:
    """Height or width another, up to the largest."""
    parts = _known_parts(stream)
    size = [parts.height, parts.width]
    which = choose.randint(0, 1)
    near = (size[which] - 1, size[which] + 1, 2 * size[which])
    claimed = (*near, *_SIDES)[choose.randint(0, len(near) + len(_SIDES) - 1)]
    size[which] = min(claimed, 0xFFFF)
    end = _header_size(stream, parts) - 1  # before the number of sections
    numbers = b"".join(side.to_bytes(2, "big") for side in size)
    return resealed(stream[: end - 4] + numbers + stream[end:])


MUTATIONS: dict[str, Mutation] = {
    "bits flipped": _flipped,
    "overwritten": _overwritten,
    "truncated": _truncated,
    "extended": _extended,
    "bytes missing": _shortened,
    "bytes repeated": _repeated,
    "spliced": _spliced,
    "number edited": _number,
    "section damaged": _section_damaged,
    "sections moved": _sections_moved,
    "length edited": _lengths_edited,
    "size edited": _size_edited,
}
"""Name → what it does to a stream, given other streams and who chooses."""
OF_CONTAINERS = ("section damaged", "sections moved", "length edited", "size edited")
"""Those that need a container."""


def _parts(stream: bytes) -> Bitstream | None:
    try:
        return unpack(resealed(stream), max_pixels=0xFFFF**2)
    except BitstreamError:
        return None


def _known_parts(stream: bytes) -> Bitstream:
    parts = _parts(stream)
    assert parts is not None
    return parts


def _header_size(stream: bytes, parts: Bitstream) -> int:
    """Where the lengths of the sections begin."""
    lengths = sum(len(varint(len(section))) for section in parts.sections)
    return len(stream) - 4 - sum(map(len, parts.sections)) - lengths


def _with_sections(parts: Bitstream, sections: Sequence[bytes]) -> bytes:
    return pack(replace(parts, sections=tuple(sections)), max_pixels=0xFFFF**2)
