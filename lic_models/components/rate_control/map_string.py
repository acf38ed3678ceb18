"""A map of levels as bytes: each region's step from the one before it, deflated.

Before a region comes the one on its left; before the first of a row the one above. Steps are
modulo the number of levels there are, and regions at the end that repeat the ones before them take
no bytes.
"""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

from pytest_lic.errors import CorruptBitstreamError

STEPS = 16
"""In how many steps a map's values are written between two levels."""
_RAW_DEFLATE = -zlib.MAX_WBITS  # without a header and a checksum


def pack_map(grid: NDArray[np.int32], highest: int) -> bytes:
    """The bytes of a map.

    Args:
        grid: (rows, columns), in steps, from −``STEPS`` · ``highest`` to as much above 0.
        highest: the highest level.
    """
    count, dtype = _values(highest)
    before = np.zeros_like(grid)
    before[:, 1:], before[1:, 0] = grid[:, :-1], grid[:-1, 0]
    steps = np.mod(grid - before, count).astype(dtype)
    return zlib.compress(steps.tobytes().rstrip(b"\0"), 9, _RAW_DEFLATE)


def unpack_map(packed: bytes, size: tuple[int, int], highest: int) -> NDArray[np.int32]:
    """The map (rows, columns) of what `pack_map` gave; never more bytes than it has are inflated.

    Raises:
        CorruptBitstreamError: bytes that it did not write for a map of this size.
    """
    count, dtype = _values(highest)
    length = size[0] * size[1] * dtype.itemsize
    inflater = zlib.decompressobj(_RAW_DEFLATE)
    try:
        raw = inflater.decompress(packed, length + 1)
    except zlib.error as error:
        raise _damaged(size) from error
    if len(raw) > length or not inflater.eof or inflater.unused_data:
        raise _damaged(size)
    steps = np.frombuffer(raw.ljust(length, b"\0"), dtype).astype(np.int64).reshape(size)
    if steps.max() >= count:
        raise _damaged(size)
    steps[:, 0] = steps[:, 0].cumsum()
    middle = STEPS * highest
    return ((steps.cumsum(1) + middle) % count - middle).astype(np.int32)


def _values(highest: int) -> tuple[int, np.dtype[np.unsignedinteger]]:
    """How many values a region may have, and the numbers that their steps are written in."""
    count = 2 * STEPS * highest + 1
    return count, np.dtype("<u1" if count <= 256 else "<u2")


def _damaged(size: tuple[int, int]) -> CorruptBitstreamError:
    return CorruptBitstreamError(
        f"bitstream holds a string that is no quality map of {size[1]}×{size[0]} regions"
    )
