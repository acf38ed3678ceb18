"""Symbols outside their table: what follows the escape, so that any int32 can be coded.

    symbol ─► number from 1 to 2**33 − 2 ─► bits after its leading one (0 … 32), then those bits

CompressAI's own escape stops at a distance of 2**27: its encoder never returns from one further.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ESCAPE_LENGTHS = 33
"""An escaped symbol's number has 0 to 32 bits after its leading one."""


def escape_number(
    symbols: NDArray[np.int32],
    offsets: NDArray[np.int32] | np.int32,
    held: NDArray[np.int64] | int,
) -> NDArray[np.int64]:
    """How far escaped symbols lie outside their tables, as one number from 1 to 2**33 − 2.

    With distance 0 for the nearest symbol outside: 1 + 2·distance above the table, 2 + 2·distance
    below it.

    Args:
        symbols: int32 (n,), each outside its table.
        offsets: int32, of the tables, (n,) or the same for all.
        held: how many symbols each table holds, (n,) or the same for all.
    """
    local = symbols.astype(np.int64) - offsets
    return np.where(local < 0, -2 * local, 2 * (local - held) + 1)


def escaped_symbol(
    number: NDArray[np.int64], offsets: NDArray[np.int32], held: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Undo `escape_number`; what comes out need not be int32."""
    distance = number >> 1
    local = np.where(number % 2 == 0, -distance, held + distance)
    symbols: NDArray[np.int64] = offsets.astype(np.int64) + local
    return symbols


def escape_length(number: NDArray[np.int64]) -> NDArray[np.int32]:
    """How many bits follow the leading one of each number."""
    return np.frexp(number.astype(np.float64))[1].astype(np.int32) - 1  # exact below 2**53
