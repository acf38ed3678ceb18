"""Runs: symbols sorted by table, so that a coder's library is called once a table.

    symbols, indices ─► to_runs ─► entries of table 0, of table 1, …, of the escapes
                      from_runs ◄─

An entry is a symbol's place in its table, the last one meaning "none of them": those symbols
follow at the end, first how many bits each of them takes, then all their first bits, and so on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lic_models.components.entropy_coding.counts import TOTAL, Integers
from lic_models.components.entropy_coding.escapes import (
    ESCAPE_LENGTHS,
    escape_length,
    escape_number,
    escaped_symbol,
)
from lic_models.components.entropy_coding.tables import FrequencyTables
from pytest_lic.errors import CorruptBitstreamError


class TableRun(NamedTuple):
    """Entries coded one after the other with one table."""

    tables: FrequencyTables
    table: int
    entries: Integers


Read = Callable[[FrequencyTables, int, int], Integers]
"""Decodes so many entries with a table: (tables, table, count) → int32 (count,)."""


def _escape_tables() -> FrequencyTables:
    steps = np.arange(ESCAPE_LENGTHS + 1) * TOTAL // ESCAPE_LENGTHS
    # Bits that took exactly one bit each would pass through a coder's state unmixed, and a
    # flipped one would not show at the end. Unequal by this little they cost no more.
    bits = [TOTAL // 2 - 1, TOTAL // 2 + 1]
    starts = np.array([0, ESCAPE_LENGTHS, ESCAPE_LENGTHS + 2])
    return FrequencyTables(
        np.append(np.diff(steps), bits).astype(np.int32), starts, np.zeros(2, np.int32)
    )


ESCAPE_TABLES = _escape_tables()
"""How many bits an escaped symbol takes, all numbers alike, and each of these bits."""
_LENGTHS, _BITS = 0, 1


class _Groups(NamedTuple):
    """Symbols sorted by table: the order that does so, and where each used table's begin."""

    order: NDArray[np.int64] | None
    used: list[int]
    edges: list[int]


def _grouped(indices: Integers, tables: FrequencyTables) -> _Groups:
    if (indices[1:] >= indices[:-1]).all():
        order = None
    else:
        # NumPy sorts 16 bits by radix, several times faster than 32 by merging.
        narrow = indices.astype(np.uint16) if tables.count <= 1 << 16 else indices
        order = np.argsort(narrow, kind="stable")
    counts = np.bincount(indices, minlength=tables.count)
    used = np.flatnonzero(counts)
    return _Groups(order, used.tolist(), [0, *np.cumsum(counts[used]).tolist()])


def to_runs(symbols: Integers, indices: Integers, tables: FrequencyTables) -> Iterator[TableRun]:
    """The runs that `from_runs` reads: one per table in use, then the escaped symbols'."""
    groups = _grouped(indices, tables)
    # Modulo 2**32, symbols below the first entry lie beyond the last one too.
    local = (symbols if groups.order is None else symbols[groups.order]).view(np.uint32)
    numbers = []
    for at, table in enumerate(groups.used):
        offset, held = tables.offsets[table], tables.length(table) - 1
        group = local[groups.edges[at] : groups.edges[at + 1]]
        entries = np.minimum(group - offset.view(np.uint32), np.uint32(held)).view(np.int32)
        yield TableRun(tables, table, entries)
        if entries.max() == held:
            escaped = group[entries == held].view(np.int32)
            numbers.append(escape_number(escaped, offset, held))
    if numbers:
        number = np.concatenate(numbers)
        lengths = escape_length(number)
        yield TableRun(ESCAPE_TABLES, _LENGTHS, lengths)
        for bit in range(int(lengths.max())):
            bits = number[lengths > bit] >> bit & 1
            yield TableRun(ESCAPE_TABLES, _BITS, bits.astype(np.int32))


def from_runs(read: Read, indices: Integers, tables: FrequencyTables) -> Integers:
    """The symbols whose `to_runs` is read, in the order of ``indices``.

    Raises:
        CorruptBitstreamError: an escaped symbol that is not int32.
    """
    groups = _grouped(indices, tables)
    symbols = np.empty(indices.size, np.int32)
    escaped, offsets, held = [], [], []
    for at, table in enumerate(groups.used):
        first, last = groups.edges[at], groups.edges[at + 1]
        entries = read(tables, table, last - first)
        offset, escape = tables.offsets[table], tables.length(table) - 1
        np.add(entries, offset, out=symbols[first:last], casting="unsafe")
        if entries.max() == escape:
            where = first + np.flatnonzero(entries == escape)
            escaped.append(where)
            offsets.append(np.full(where.size, offset))
            held.append(np.full(where.size, escape, np.int64))
    if escaped:
        lengths = read(ESCAPE_TABLES, _LENGTHS, sum(map(len, escaped)))
        number = np.int64(1) << lengths.astype(np.int64)
        for bit in range(int(lengths.max())):
            more = lengths > bit
            bits = read(ESCAPE_TABLES, _BITS, int(more.sum())).astype(np.int64)
            number[more] |= bits << bit
        values = escaped_symbol(number, np.concatenate(offsets), np.concatenate(held))
        if (values != values.astype(np.int32)).any():
            raise CorruptBitstreamError(
                "entropy decoding: a symbol beyond int32; the string was damaged, or coded with "
                "other tables or indices"
            )
        symbols[np.concatenate(escaped)] = values
    if groups.order is None:
        return symbols
    ordered = np.empty_like(symbols)
    ordered[groups.order] = symbols
    return ordered
