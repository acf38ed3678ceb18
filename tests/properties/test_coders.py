"""Each property of entropy coders and tables, shown to hold and to catch what breaks it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from pytest_lic import CoderUnderTest, TableMaker
from pytest_lic.errors import PropertyError
from pytest_lic.properties import coders, table_makers
from tests.helpers import coder_mutants as mutants
from tests.helpers.coder_mutants import PlainCoder

CODER = CoderUnderTest(
    "right", PlainCoder, escapes=True, escape_bits=lambda *_: 32.0, splits=True, longest=3000
)
PLAIN = replace(CODER, escapes=False, escape_bits=None)
MAKER = TableMaker("right", mutants.made_right)

DECODES = "what is encoded decodes"
OUTSIDE = "symbols outside their table decode"
EMPTY = "an empty message decodes"
EVERY = "no symbol of a table has zero probability"
LONG = "a long message decodes, and its length is near the ideal"

CODERS = [
    (CODER, mutants.DropsTheLast, coders.round_trip, DECODES, "symbols [", "symbols [", "["),
    (CODER, mutants.ReturnsFewer, coders.round_trip, DECODES, "symbols [0]", "(1,)", "(0,)"),
    (CODER, mutants.OffByOneTable, coders.round_trip, DECODES, "of tables [", "", ""),
    (CODER, mutants.WideIntegers, coders.round_trip, DECODES, "symbols []", "int32", "int64"),
    (
        CODER,
        mutants.ForgetsTheOffset,
        coders.round_trip,
        DECODES,
        "[1] of tables [0]",
        "[1]",
        "[0]",
    ),
    (CODER, mutants.NothingFromNothing, coders.no_symbols, EMPTY, "symbols []", "", "IndexError"),
    (
        CODER,
        mutants.ComparesNeighbours,
        coders.one_symbol,
        "a message of one symbol decodes",
        "symbols [",
        "symbols [",
        "[",
    ),
    (
        CODER,
        mutants.CountsFromTwo,
        coders.every_symbol,
        EVERY,
        "symbols [0]",
        "",
        "ZeroDivisionError",
    ),
    (CODER, mutants.EscapeWithoutSign, coders.outside_symbols, OUTSIDE, "[-1]", "[-1]", "[1]"),
    (CODER, mutants.EscapeByDistance, coders.outside_symbols, OUTSIDE, "[1]", "[1]", "[2]"),
    (CODER, mutants.EdgeOutside, coders.outside_symbols, OUTSIDE, "[1]", "[1]", "[0]"),
    (
        PLAIN,
        mutants.Clips,
        coders.outside_symbols,
        "symbols outside their table are refused",
        "",
        "LicError or ValueError for the symbols [",
        "the string ",
    ),
    (CODER, mutants.CountsItsCalls, coders.same_bytes, "the same bytes every time", "", "", ""),
    (CODER, mutants.OnePercentMore, coders.long_message, LONG, "(3000)", "0.1 %", "% over it"),
    (CODER, mutants.LongHeader, coders.length, "the length is near the ideal", "", "64 bits", ""),
    (CODER, mutants.TenBitsOfLength, coders.long_message, LONG, "(3000)", "symbol ", "differ"),
    (
        CODER,
        mutants.FlushesEachCall,
        coders.splits,
        "independent of how a message is split",
        "symbols [] of tables []",
        "as in one call",
        "(16 B)",
    ),
]


@pytest.mark.parametrize(
    ("right", "mutant", "check", "claim", "example", "expected", "came"),
    CODERS,
    ids=[each[1].__name__ for each in CODERS],
)
def test_a_mutant_is_caught_by_the_property_that_it_breaks(
    right: CoderUnderTest,
    mutant: type[PlainCoder],
    check: Callable[[CoderUnderTest], None],
    claim: str,
    example: str,
    expected: str,
    came: str,
) -> None:
    with pytest.raises(PropertyError) as caught:
        check(replace(right, name="mutant", build=mutant))
    assert_told(str(caught.value), claim, example, expected, came)


EVERY_CHECK = dict.fromkeys([*(each[2] for each in CODERS), coders.length])


@pytest.mark.parametrize("check", EVERY_CHECK)
@pytest.mark.parametrize("right", [CODER, replace(PLAIN, name="plain", build=mutants.Refuses)])
def test_the_property_holds_of_the_right_coder(
    right: CoderUnderTest, check: Callable[[CoderUnderTest], None]
) -> None:
    check(right)


SUM = "tables monotone and summing to 2**16"
MAKERS = [
    (mutants.short_of_the_total, table_makers.sums_up, SUM, "", "", "sums to 65535"),
    (mutants.zeros_for_the_improbable, table_makers.sums_up, SUM, "", "", "the count 0"),
    (mutants.no_escape, table_makers.sums_up, SUM, "", "2 counts", "shape (1,)"),
    (
        mutants.spare_for_the_last,
        table_makers.likelier_gets_more,
        "a likelier symbol gets no fewer counts",
        "",
        "at least as many counts as symbol",
        "",
    ),
    (mutants.at_random, table_makers.same_counts, "the same counts every time", "", "again", ""),
    (
        mutants.rounded_up,
        table_makers.too_many_symbols,
        "tables too long for 16 bits are refused",
        "65536",
        "LicError or ValueError for 65536 symbols",
        "65537 entries, which 16 bits can't hold",
    ),
    (
        mutants.of_compressai,
        table_makers.too_many_symbols,
        "tables too long for 16 bits are refused",
        "65536",
        "LicError or ValueError for 65536 symbols",
        "65537 entries, which 16 bits can't hold",
    ),
]


@pytest.mark.parametrize(
    ("mutant", "check", "claim", "example", "expected", "came"),
    MAKERS,
    ids=[each[0].__name__ for each in MAKERS],
)
def test_a_wrong_table_maker_is_caught_by_the_property_that_it_breaks(
    mutant: Callable[..., object],
    check: Callable[[TableMaker], None],
    claim: str,
    example: str,
    expected: str,
    came: str,
) -> None:
    with pytest.raises(PropertyError) as caught:
        check(replace(MAKER, name="mutant", make=mutant))
    assert_told(str(caught.value), claim, example, expected, came)


@pytest.mark.parametrize("check", dict.fromkeys(each[1] for each in MAKERS))
def test_the_property_holds_of_the_right_maker(check: Callable[[TableMaker], None]) -> None:
    check(MAKER)


def assert_told(text: str, claim: str, example: str, expected: str, came: str) -> None:
    """The first line names culprit and property, the next ones the input and both sides."""
    first, *lines = text.splitlines()
    assert first == f"mutant breaks a property: {claim}"
    for label, part in {"input": example, "expected": expected, "came": came}.items():
        (line,) = (line for line in lines if line.startswith(f"  {label}"))
        assert part in line
