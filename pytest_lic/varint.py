"""Numbers in as few bytes as they need, as several layouts here store lengths and counts."""

from __future__ import annotations


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
