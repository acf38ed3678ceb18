"""Probability tables from a single symbol to all that 16 bits hold, symbols for them, messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from pytest_lic.probability_tables import TOTAL, Message, ProbabilityTables

_INT32 = np.iinfo(np.int32)
_LONG = [255, 256, 257, 4095, 32_767, 32_768, 65_534, 65_535]
"""Numbers of symbols at which something may end: a byte, half the counts, all of them."""


@st.composite
def probability_tables(
    draw: st.DrawFn, most_tables: int = 3, most_symbols: int = TOTAL - 1
) -> ProbabilityTables:
    """One to ``most_tables`` tables, anywhere in int32.

    Of a single symbol, of a few with any counts, of some where one has nearly all, and of up to
    ``most_symbols`` (at most 65,535). They shrink to one table of the symbol 0.
    """
    # Each with its offset, so that shrinking can leave both out at once.
    placed = _rows(most_symbols).flatmap(
        lambda row: st.tuples(st.just(row), _offsets(len(row) - 1))
    )
    tables = draw(st.lists(placed, min_size=1, max_size=most_tables))
    return ProbabilityTables([row for row, _ in tables], [offset for _, offset in tables])


def table_symbols(
    tables: ProbabilityTables, table: int, outside: bool = False
) -> st.SearchStrategy[int]:
    """Symbols for a table: any and the outermost; with ``outside``, only those that it lacks.

    Outside are the nearest ones, any within int32, and its ends.
    """
    first, last = tables.first(table), tables.last(table)
    if not outside:
        return st.integers(first, last) | st.sampled_from([first, last])
    below = st.integers(_INT32.min, first - 1) if first > _INT32.min else st.nothing()
    above = st.integers(last + 1, _INT32.max) if last < _INT32.max else st.nothing()

    def lacking(*symbols: int) -> st.SearchStrategy[int]:
        inside_int32 = [symbol for symbol in symbols if _INT32.min <= symbol <= _INT32.max]
        return st.sampled_from([s for s in inside_int32 if not first <= s <= last])

    nearest, next_nearest = (last + 1, first - 1), (last + 2, first - 2)
    return lacking(*nearest) | lacking(*next_nearest, _INT32.max, _INT32.min) | above | below


@st.composite
def messages(
    draw: st.DrawFn,
    tables: st.SearchStrategy[ProbabilityTables] | None = None,
    outside: bool = False,
    min_size: int = 0,
    max_size: int = 40,
) -> Message:
    """Messages of symbols that their tables hold; with ``outside``, also of such as they lack.

    Args:
        draw: Hypothesis gives it.
        tables: of the tables; `probability_tables` if not given.
        outside: whether symbols may be outside their table.
        min_size: the fewest symbols.
        max_size: the most symbols.
    """
    drawn = draw(probability_tables() if tables is None else tables)
    inside = [table_symbols(drawn, table) for table in range(drawn.count)]
    either = [
        symbols | table_symbols(drawn, table, outside=True) if outside else symbols
        for table, symbols in enumerate(inside)
    ]
    pairs = st.one_of(*(st.tuples(st.just(table), symbols) for table, symbols in enumerate(either)))
    return Message.of(draw(st.lists(pairs, min_size=min_size, max_size=max_size)), drawn)


def table_masses(most_symbols: int = TOTAL - 1) -> st.SearchStrategy[NDArray[np.float64]]:
    """Probabilities of 1 to ``most_symbols`` symbols, float64 (n,), at most 1 in sum.

    Zeros, denormal ones and certainty among them, and something or nothing left for the escape.
    """
    weight = st.one_of(
        st.sampled_from([0.0, 1.0, 5e-324, 1e-12]), st.floats(0, 1e6, allow_subnormal=True)
    )
    few = st.lists(weight, min_size=1, max_size=min(30, most_symbols))
    long = st.builds(_geometric, _lengths(most_symbols), st.sampled_from([1.0, 0.99, 0.5]))
    left = st.sampled_from([0.0, 0.001, 0.5, 1e6])
    return st.builds(_masses, few | long, left)


def _rows(most: int) -> st.SearchStrategy[NDArray[np.int32]]:
    one = (st.sampled_from([TOTAL - 1, 1, TOTAL // 2]) | st.integers(1, TOTAL - 1)).map(
        lambda count: np.array([count, TOTAL - count], np.int32)
    )
    weights = st.lists(st.integers(0, 10**6), min_size=2, max_size=min(40, most + 1)).map(_counts)
    nearly = st.integers(1, min(40, most)).flatmap(
        lambda symbols: st.integers(0, symbols).map(lambda at: _degenerate(symbols, at))
    )
    long = st.builds(_long, _lengths(most), st.booleans())
    return st.one_of(one, weights, nearly, long)


def _lengths(most: int) -> st.SearchStrategy[int]:
    # Small ones too, so that a long example shrinks to the fewest symbols that do.
    lengths = [length for length in [*range(1, 9), *_LONG] if length <= most]
    return st.sampled_from(lengths if most in lengths else [*lengths, most])


def _counts(weights: Sequence[float]) -> NDArray[np.int32]:
    """Counts in about these proportions: 1 each, the rest by weight, what is left to the first."""
    shares = np.asarray(weights, np.float64)
    spare = TOTAL - len(shares)
    total = shares.sum() or 1.0
    counts: NDArray[np.int32] = (1 + np.floor(shares / total * spare)).astype(np.int32)
    counts[0] += TOTAL - counts.sum()
    return counts


def _degenerate(symbols: int, at: int) -> NDArray[np.int32]:
    """One entry with all counts but one for each other: a symbol, or the escape."""
    counts = np.ones(symbols + 1, np.int32)
    counts[at] += TOTAL - len(counts)
    return counts


def _long(symbols: int, level: bool) -> NDArray[np.int32]:
    if not level:
        return _degenerate(symbols, symbols // 2)
    return _counts([1.0] * (symbols + 1))


def _offsets(symbols: int) -> st.SearchStrategy[int]:
    """Where a table of so many symbols begins: near 0, or at an end of int32."""
    ends = [_INT32.min, _INT32.max - symbols + 1]
    return st.one_of(st.integers(-50, 50), st.sampled_from([-(symbols // 2), *ends]))


def _geometric(symbols: int, ratio: float) -> list[float]:
    powers: Any = ratio ** np.arange(symbols, dtype=np.float64)
    return list(powers)


def _masses(weights: Sequence[float], left: float) -> NDArray[np.float64]:
    masses = np.asarray(weights, np.float64)
    total = masses.sum() + left
    return masses / total if total > 0 else np.zeros_like(masses)
