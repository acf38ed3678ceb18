"""Escapes: every int32 outside a table has one number, the nearest symbols the smallest."""

from __future__ import annotations

import numpy as np

from lic_models.components.entropy_coding.escapes import (
    ESCAPE_LENGTHS,
    escape_length,
    escape_number,
    escaped_symbol,
)

INT32 = np.iinfo(np.int32)


def test_numbers_alternate_between_both_sides_of_a_table() -> None:
    symbols = np.array([2, -4, 3, -5], np.int32)  # around a table of −3 … 1
    numbers = escape_number(symbols, np.int32(-3), 5)
    assert numbers.tolist() == [1, 2, 3, 4]
    assert escape_length(numbers).tolist() == [0, 1, 1, 2]


def test_the_farthest_symbols_take_the_longest_numbers_and_come_back() -> None:
    symbols = np.array([INT32.min, INT32.max, INT32.max], np.int32)
    offsets = np.array([INT32.max, INT32.min, 0], np.int32)
    held = np.ones(3, np.int64)
    numbers = escape_number(symbols, offsets, held)
    assert numbers.tolist() == [2**33 - 2, 2**33 - 3, 2**32 - 3]
    assert escape_length(numbers).max() == ESCAPE_LENGTHS - 1
    assert np.array_equal(escaped_symbol(numbers, offsets, held), symbols)
