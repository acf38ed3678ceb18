"""Probability tables as an entropy coder under test gets them, and messages to code with them.

This says nothing about how a coder keeps its own tables.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pytest_lic.errors import CodecError

TOTAL = 1 << 16
"""What the counts of a table sum to."""
_INT32 = np.iinfo(np.int32)


@dataclass(frozen=True, eq=False)
class ProbabilityTables:
    """T tables of whole counts, which encoder and decoder have alike.

    Table t gives its counts to the symbols offsets[t], offsets[t] + 1, … and the last one to the
    escape: to every other symbol. A symbol's probability is its count / 2**16.

    Args:
        rows: per table its counts, each at least 1, 2**16 in sum, so 2 to 65,536 of them.
        offsets: per table its first symbol; all of a table's symbols are int32.

    Raises:
        CodecError: counts or offsets that are no such tables.
    """

    rows: Sequence[NDArray[np.int32]]
    offsets: Sequence[int]

    def __post_init__(self) -> None:
        if not len(self.rows) or len(self.rows) != len(self.offsets):
            raise CodecError(
                f"probability tables: {len(self.rows)} rows and {len(self.offsets)} offsets; "
                "expected as many, and one at least"
            )
        rows = []
        for table, counts in enumerate(self.rows):
            wrong = counts_error(counts)
            if wrong is not None:
                raise CodecError(f"probability tables: table {table} {wrong}")
            row = np.array(counts, np.int32)
            row.flags.writeable = False
            rows.append(row)
            first, last = self.offsets[table], self.offsets[table] + len(row) - 2
            if not _INT32.min <= first <= last <= _INT32.max:
                raise CodecError(
                    f"probability tables: table {table} holds symbols {first} to {last}; "
                    "expected int32"
                )
        object.__setattr__(self, "rows", tuple(rows))
        object.__setattr__(self, "offsets", tuple(map(int, self.offsets)))

    @property
    def count(self) -> int:
        """T, the number of tables."""
        return len(self.rows)

    def first(self, table: int) -> int:
        """The first symbol of a table."""
        return self.offsets[table]

    def last(self, table: int) -> int:
        """The last symbol of a table."""
        return self.offsets[table] + len(self.rows[table]) - 2

    @cached_property
    def _lasts(self) -> NDArray[np.int64]:
        return np.array([self.last(table) for table in range(self.count)], np.int64)

    @cached_property
    def _starts(self) -> NDArray[np.int64]:
        return np.cumsum([0, *map(len, self.rows)])

    @cached_property
    def _bits(self) -> NDArray[np.float64]:
        bits: NDArray[np.float64] = -np.log2(np.concatenate(self.rows) / TOTAL)
        return bits

    def outside(self, symbols: NDArray[np.int32], indices: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Which of the symbols (n,) are not in the table that their index names."""
        firsts = np.array(self.offsets, np.int64)[indices]
        wrong: NDArray[np.bool_] = (symbols < firsts) | (symbols > self._lasts[indices])
        return wrong

    def ideal_bits(self, symbols: NDArray[np.int32], indices: NDArray[np.int32]) -> float:
        """−Σ log2(count / 2**16) of each symbol's entry, the escape's for those outside."""
        firsts = np.array(self.offsets, np.int64)[indices]
        escapes = self._starts[1:][indices] - 1
        inside = self._starts[:-1][indices] + symbols - firsts
        entries = np.where(self.outside(symbols, indices), escapes, inside)
        return float(self._bits[entries].sum())

    def described(self, table: int) -> str:
        """One table in a line, counts that repeat written once: ``1×40 65000 1×3``."""
        row = self.rows[table]
        return (
            f"table {table}: symbols {self.first(table)} to {self.last(table)}, counts "
            f"{_runs(row[:-1])}, escape {row[-1]}"
        )


@dataclass(frozen=True, eq=False)
class Message:
    """What an entropy coder is given: symbols and indices, int32 (n,), and the tables."""

    symbols: NDArray[np.int32]
    indices: NDArray[np.int32]
    tables: ProbabilityTables

    @classmethod
    def of(cls, pairs: Sequence[tuple[int, int]], tables: ProbabilityTables) -> Message:
        """The message of these (index, symbol)."""
        columns = np.array(pairs, np.int32).reshape(-1, 2)
        return cls(columns[:, 1].copy(), columns[:, 0].copy(), tables)

    @property
    def outside(self) -> NDArray[np.int32]:
        """The symbols that are not in their tables."""
        return self.symbols[self.tables.outside(self.symbols, self.indices)]

    def ideal_bits(self, escape_bits: Callable[[int, int, int], float] | None = None) -> float:
        """The fewest bits that code the message.

        Args:
            escape_bits: ``(symbol, first, last)`` → the bits that follow the escape, for a symbol
                outside a table from ``first`` to ``last``; nothing where it is None.
        """
        bits = self.tables.ideal_bits(self.symbols, self.indices)
        if escape_bits is not None:
            for at in np.flatnonzero(self.tables.outside(self.symbols, self.indices)):
                table = int(self.indices[at])
                ends = self.tables.first(table), self.tables.last(table)
                bits += escape_bits(int(self.symbols[at]), *ends)
        return bits


def counts_error(counts: ArrayLike) -> str | None:
    """What is wrong with one table's counts, or None.

    They must be whole, 2 to 65,536, each at least 1, and 2**16 in sum, so that the cumulative
    counts increase from 0 to 2**16.
    """
    row = np.asarray(counts)
    if row.ndim != 1 or row.dtype.kind not in "iu":
        return f"is {row.dtype} of shape {row.shape}; expected whole counts with one axis"
    if len(row) < 2:
        return f"has {len(row)} entries; expected at least one symbol and the escape"
    least = int(row.argmin())
    if len(row) > TOTAL:
        return (
            f"has {len(row)} entries, which 16 bits can't hold; expected at most {TOTAL}, "
            "65,535 symbols and the escape"
        )
    if row[least] < 1:
        return f"gives entry {least} the count {row[least]}; expected at least 1"
    total = int(row.sum(dtype=np.int64))
    return None if total == TOTAL else f"sums to {total}; expected {TOTAL}"


def brief(array: NDArray[np.generic]) -> str:
    """An array as a list, of at most sixteen values."""
    if array.size <= 16:
        return str(array.reshape(-1).tolist())
    head = ", ".join(map(str, array.reshape(-1)[:8].tolist()))
    return f"[{head}, …] ({array.size})"


def _runs(counts: NDArray[np.int32]) -> str:
    """Counts, those that repeat written once."""
    runs = [(value, len(list(same))) for value, same in groupby(counts.tolist())]
    texts = [str(value) if many == 1 else f"{value}×{many}" for value, many in runs]
    return " ".join(texts if len(texts) <= 12 else [*texts[:8], "…", *texts[-2:]])
