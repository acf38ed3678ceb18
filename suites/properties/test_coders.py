"""Entropy coders give back what they coded in few bytes, and tables can code every symbol."""

import pytest

from pytest_lic import CoderUnderTest, TableMaker, properties

pytestmark = pytest.mark.properties


def test_messages_decode(lic_coder: CoderUnderTest) -> None:
    """A decoder that is built apart gives back any symbols of any tables."""
    properties.coders.round_trip(lic_coder)


def test_no_symbols(lic_coder: CoderUnderTest) -> None:
    """A message without symbols decodes to none."""
    properties.coders.no_symbols(lic_coder)


def test_one_symbol(lic_coder: CoderUnderTest) -> None:
    """A message of one symbol decodes."""
    properties.coders.one_symbol(lic_coder)


def test_every_symbol(lic_coder: CoderUnderTest) -> None:
    """No symbol of a table has zero probability."""
    properties.coders.every_symbol(lic_coder)


def test_outside_symbols(lic_coder: CoderUnderTest) -> None:
    """Symbols outside their table decode, or are refused."""
    properties.coders.outside_symbols(lic_coder)


def test_length(lic_coder: CoderUnderTest) -> None:
    """A string is longer than the ideal by at most 0.1 % and 64 bits."""
    properties.coders.length(lic_coder)


def test_long_message(lic_coder: CoderUnderTest) -> None:
    """So is that of a million symbols, and it decodes."""
    properties.coders.long_message(lic_coder)


def test_same_bytes(lic_coder: CoderUnderTest) -> None:
    """The same message gives the same bytes every time."""
    properties.coders.same_bytes(lic_coder)


@pytest.mark.lic_promise("splits")
def test_splits(lic_coder: CoderUnderTest) -> None:
    """The string does not depend on how a message is split into calls."""
    properties.coders.splits(lic_coder)


def test_tables_sum_up(lic_table_maker: TableMaker) -> None:
    """Tables are monotone and sum to 2**16, with a count for every symbol."""
    properties.table_makers.sums_up(lic_table_maker)


def test_likelier_gets_more(lic_table_maker: TableMaker) -> None:
    """A likelier symbol has no fewer counts."""
    properties.table_makers.likelier_gets_more(lic_table_maker)


def test_same_counts(lic_table_maker: TableMaker) -> None:
    """The same probabilities give the same counts."""
    properties.table_makers.same_counts(lic_table_maker)


def test_too_many_symbols(lic_table_maker: TableMaker) -> None:
    """Tables of more symbols than 16 bits hold are refused."""
    properties.table_makers.too_many_symbols(lic_table_maker)
