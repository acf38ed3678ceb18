"""Telling a pickle, which is never loaded since it can run code, from a safetensors file."""

from __future__ import annotations

START = 9
"""Bytes that `is_pickle` needs of a file."""

_ARCHIVE, _BARE = b"PK\x03\x04", b"\x80"


def is_pickle(start: bytes) -> bool:
    """Whether a file that begins with these `START` bytes is one, or torch's archive of one.

    A safetensors file begins with eight bytes, the length of its header, of which the first may
    be any; the header follows, and that is JSON.
    """
    return start.startswith(_ARCHIVE) or (start.startswith(_BARE) and start[8:9] != b"{")
