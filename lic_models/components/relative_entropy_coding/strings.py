"""Numbers as one string of the entropy coder, written pass by pass and read alike.

A string begins with nothing but what its passes hold. It is `AnsCoder`'s, which notices nearly
every string that is not the code of what it decodes to.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lic_models.components.entropy_coding.coders import AnsCoder, Pass, corrupt
from lic_models.components.entropy_coding.counts import TOTAL
from lic_models.components.entropy_coding.tables import FrequencyTables

Numbers = NDArray[np.int64]

_CODER = AnsCoder()
_MOST_WEIGHT = 255
_LENGTH_BITS = 6


def tables_of(weights: Numbers) -> FrequencyTables:
    """One table for each row of whole weights (t, m), at least 0; in integers alone.

    Every symbol has one count at least: the share of those that were never seen.
    """
    rows, entries = weights.shape
    spare = TOTAL - entries - 1
    sums = np.maximum(weights.sum(axis=1, keepdims=True), 1)
    counts = 1 + weights * spare // sums
    counts[np.arange(rows), weights.argmax(axis=1)] += TOTAL - 1 - counts.sum(axis=1)
    frequencies = np.concatenate([counts, np.ones((rows, 1), np.int64)], axis=1)
    starts = np.arange(rows + 1, dtype=np.int64) * (entries + 1)
    return FrequencyTables(frequencies.ravel().astype(np.int32), starts, np.zeros(rows, np.int32))


def _even(width: int) -> FrequencyTables:
    # Counts that differ wherever one bit of a number does: with equal ones, a flipped bit of the
    # string could change a number and leave no other trace. Costs 0.002 bits in 8.
    numbers = np.arange(1 << width, dtype=np.int64)
    return tables_of(256 - 24 + numbers[None] * 11 % 49)


_EVEN = [_even(width) for width in range(9)]
"""Numbers of 0 to 8 bits, all as good as equally likely."""


def fading(entries: int) -> Numbers:
    """Weights of 0 … ``entries`` − 1 where nothing is known: falling with the square."""
    ranks = np.arange(1, entries + 1, dtype=np.int64)
    return (1 << 20) // (ranks * (ranks + 1))


def lengths_of(values: Numbers) -> Numbers:
    """How many bits each number has: 0 of 0, 1 of 1, 2 of 2 and 3; numbers below 2**53."""
    return np.frexp(values.astype(np.float64))[1].astype(np.int64)


class Writer:
    """Gathers passes; `string` codes them."""

    def __init__(self) -> None:
        self._passes: list[Pass] = []

    def string(self) -> bytes:
        """All of them."""
        return _CODER.encode_passes(self._passes)

    def chosen(self, values: Numbers, indices: Numbers, tables: FrequencyTables) -> None:
        """Values (n,), each with the table that its index names."""
        self._passes.append((values.astype(np.int32), indices.astype(np.int32), tables))

    def bits(self, values: Numbers | int, widths: Numbers | int) -> None:
        """Values from 0 to 2**width − 1, (n,) or one, as they are."""
        values, widths = np.broadcast_arrays(
            np.atleast_1d(np.asarray(values, np.int64)), np.asarray(widths, np.int64)
        )
        assert (values >> widths == 0).all(), "a number that its bits can't hold"
        for where, shift, width in _bytes_of(widths):
            part = values[where] >> shift & (1 << width) - 1
            self.chosen(part, np.zeros_like(part), _EVEN[width])

    def number(self, value: int) -> None:
        """A number from 0 on, in 6 bits and as many as it has."""
        length = value.bit_length()
        self.bits(length, _LENGTH_BITS)
        self.bits(value, length)

    def symbols(self, values: Numbers, usual: Numbers) -> None:
        """Values (n,) with their empirical frequencies, or the usual ones where that is shorter.

        Args:
            values: each from 0 to len(usual) − 1.
            usual: weights (m,) that the reader has too.
        """
        counts = np.bincount(values, minlength=len(usual))
        used = int(counts.nonzero()[0][-1]) + 1 if values.size else 0
        scaled = -(-counts[:used] * _MOST_WEIGHT // max(1, int(counts.max(initial=0))))
        own, none = _row(scaled, len(usual)), np.zeros(values.size, np.int32)
        coded = values.astype(np.int32)
        own_bits = 8 * (1 + used) + own.ideal_bits(coded, none)
        empirical = own_bits < tables_of(usual[None]).ideal_bits(coded, none)
        self.bits(int(empirical), 1)
        if empirical:
            self.bits(used, 8)
            self.bits(scaled, 8)
        self.chosen(values, none.astype(np.int64), own if empirical else tables_of(usual[None]))


class Reader:
    """Reads what a `Writer` wrote, in the same order.

    Every method raises CorruptBitstreamError where the string is noticed to be no such code.
    """

    def __init__(self, string: bytes) -> None:
        self._reader = _CODER.reader(string, 1)

    def close(self) -> None:
        """Everything is read."""
        self._reader.close()

    def chosen(self, indices: Numbers, tables: FrequencyTables) -> Numbers:
        """Values (n,), none of them an escape."""
        values = self._reader.read(indices.astype(np.int32), tables).astype(np.int64)
        if ((values < 0) | (values >= tables.lengths[indices] - 1)).any():
            raise corrupt("holds a symbol that no table has")
        return values

    def bits(self, widths: Numbers) -> Numbers:
        """Values (n,) of so many bits each."""
        values = np.zeros(widths.size, np.int64)
        for where, shift, width in _bytes_of(widths):
            values[where] |= self.chosen(np.zeros(where.size, np.int64), _EVEN[width]) << shift
        return values

    def bit_field(self, width: int) -> int:
        """One value."""
        return int(self.bits(np.array([width]))[0])

    def number(self, most: int) -> int:
        """What `Writer.number` wrote, at most ``most``."""
        value = self.bit_field(self.bit_field(_LENGTH_BITS) % 48)
        if value > most:
            raise corrupt(f"says {value} where at most {most} can be")
        return value

    def symbols(self, count: int, usual: Numbers) -> Numbers:
        """What `Writer.symbols` wrote, (count,)."""
        tables = tables_of(usual[None])
        if self.bit_field(1):
            used = self.bit_field(8)
            if used > len(usual):
                raise corrupt(f"has frequencies of {used} symbols; there are {len(usual)}")
            tables = _row(self.bits(np.full(used, 8)), len(usual))
        return self.chosen(np.zeros(count, np.int64), tables)


def _row(weights: Numbers, entries: int) -> FrequencyTables:
    return tables_of(np.pad(weights, (0, entries - len(weights)))[None])


def _bytes_of(widths: Numbers) -> list[tuple[Numbers, int, int]]:
    """Which values have bits from each byte on: their places, the shift, and how many bits."""
    parts = []
    for shift in range(0, int(widths.max(initial=0)), 8):
        own = np.clip(widths - shift, 0, 8)
        parts += [
            (np.flatnonzero(own == width), shift, int(width)) for width in np.unique(own) if width
        ]
    return parts
