"""Tables, symbols, messages and masses: what they are, the hostile ones, and how they shrink."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given

from pytest_lic.probability_tables import TOTAL, Message, ProbabilityTables, counts_error
from pytest_lic.strategies import messages, probability_tables, table_masses, table_symbols
from tests.helpers.searches import INT32, QUICK, smallest


@QUICK
@given(probability_tables())
def test_tables_are_tables(tables: ProbabilityTables) -> None:
    for table, row in enumerate(tables.rows):
        assert counts_error(row) is None
        assert INT32.min <= tables.first(table) <= tables.last(table) <= INT32.max


@pytest.mark.parametrize(
    "wanted",
    [
        lambda tables: len(tables.rows[0]) == TOTAL,
        lambda tables: tables.rows[0].tolist() == [1, TOTAL - 1],
        lambda tables: tables.rows[0].tolist() == [TOTAL - 1, 1],
        lambda tables: sorted(tables.rows[0].tolist())[:-1] == [1] * 9,
        lambda tables: len(set(tables.rows[0].tolist())) > 5,
        lambda tables: tables.first(0) == INT32.min,
        lambda tables: tables.last(0) == INT32.max,
        lambda tables: tables.count == 3,
    ],
    ids=["longest", "improbable", "certain", "degenerate", "any", "lowest", "highest", "several"],
)
def test_tables_hold_the_hostile_ones(wanted: Callable[[ProbabilityTables], bool]) -> None:
    smallest(probability_tables(), wanted)


def test_tables_shrink_to_one_symbol() -> None:
    found = smallest(probability_tables(), lambda tables: True)
    assert [row.tolist() for row in found.rows] == [[TOTAL - 1, 1]]
    assert found.offsets == (0,)


@pytest.mark.parametrize("offset", [0, INT32.min, INT32.max])
def test_symbols_are_inside_or_outside_as_asked(offset: int) -> None:
    tables = ProbabilityTables([np.array([TOTAL - 1, 1])], [offset])
    assert smallest(table_symbols(tables, 0), lambda symbol: True) == offset
    outside = table_symbols(tables, 0, outside=True)
    for edge in (offset - 1, offset + 1, INT32.min, INT32.max):
        if INT32.min <= edge <= INT32.max and edge != offset:
            assert smallest(outside, lambda symbol, edge=edge: symbol == edge) == edge

    @QUICK
    @given(outside)
    def all_outside(symbol: int) -> None:
        assert symbol != offset
        assert INT32.min <= symbol <= INT32.max

    all_outside()


@QUICK
@given(messages(), messages(outside=True))
def test_messages_hold_int32_symbols_of_their_tables(inside: Message, either: Message) -> None:
    assert not inside.outside.size
    for message in (inside, either):
        assert message.symbols.dtype == message.indices.dtype == np.int32
        assert message.symbols.shape == message.indices.shape
        assert message.ideal_bits() >= 0


def test_messages_shrink_to_the_fewest_symbols() -> None:
    found = smallest(messages(outside=True), lambda message: message.outside.size > 0)
    assert found.symbols.size == 1
    assert abs(int(found.symbols[0])) <= 1


@QUICK
@given(table_masses())
def test_masses_are_probabilities(masses: np.ndarray) -> None:
    assert masses.dtype == np.float64
    assert 1 <= len(masses) < TOTAL
    assert bool((masses >= 0).all())
    assert masses.sum() <= 1 + 1e-9
