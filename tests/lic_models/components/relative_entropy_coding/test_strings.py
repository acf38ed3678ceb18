"""Numbers as a string: what is written is read, and no more than that."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lic_models.components.entropy_coding.counts import TOTAL
from lic_models.components.relative_entropy_coding.strings import (
    Reader,
    Writer,
    fading,
    lengths_of,
    tables_of,
)
from pytest_lic.errors import CorruptBitstreamError

USUAL = fading(20)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 19), max_size=300),
    st.lists(st.integers(0, 40).flatmap(lambda w: st.tuples(st.just(w), st.integers(0, 2**w - 1)))),
    st.integers(0, 1 << 40),
)
def test_what_is_written_is_read(symbols, fields, number):
    symbols = np.array(symbols, np.int64)
    widths, values = np.array(fields, np.int64).reshape(-1, 2).T
    writer = Writer()
    writer.symbols(symbols, USUAL)
    writer.bits(values, widths)
    writer.number(number)
    reader = Reader(writer.string())
    np.testing.assert_array_equal(reader.symbols(symbols.size, USUAL), symbols)
    np.testing.assert_array_equal(reader.bits(widths), values)
    assert reader.number(1 << 40) == number
    reader.close()


def test_symbols_take_their_empirical_entropy_once_there_are_enough():
    symbols = np.random.default_rng(0).choice(20, 20_000, p=fading(20)[::-1] / USUAL.sum())
    shares = np.bincount(symbols, minlength=20) / symbols.size
    entropy = -(shares[shares > 0] * np.log2(shares[shares > 0])).sum()
    writer = Writer()
    writer.symbols(symbols, USUAL)
    assert 8 * len(writer.string()) < 1.01 * entropy * symbols.size + 200
    few = Writer()
    few.symbols(symbols[:1], USUAL)
    assert len(few.string()) <= 5


def test_tables_keep_a_share_for_what_was_never_seen():
    tables = tables_of(np.array([[0, 1000, 0], [0, 0, 0]]))
    assert (tables.frequencies >= 1).all()
    assert tables.row(0).sum() == tables.row(1).sum() == TOTAL


def test_lengths_are_those_of_python():
    values = np.array([0, 1, 2, 3, 4, 7, 8, (1 << 50) - 1, 1 << 50])
    assert lengths_of(values).tolist() == [int(each).bit_length() for each in values]


def test_a_number_that_its_bits_can_not_hold_is_refused():
    with pytest.raises(AssertionError, match="can't hold"):
        Writer().bits(np.array([3, 8]), 3)


def test_a_count_of_more_than_can_be_is_refused_before_anything_is_made():
    writer = Writer()
    writer.number(1 << 45)
    with pytest.raises(CorruptBitstreamError, match="at most 100 can be"):
        Reader(writer.string()).number(100)
