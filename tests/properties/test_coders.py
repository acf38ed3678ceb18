"""Each property of entropy coders, shown to hold and to catch what breaks it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from pytest_lic import CoderUnderTest
from pytest_lic.errors import PropertyError
from pytest_lic.properties import coders
from tests.helpers import coder_mutants as mutants
from tests.helpers.coder_mutants import PlainCoder
from tests.helpers.property_errors import assert_told

CODER = CoderUnderTest(
    "right", PlainCoder, escapes=True, escape_bits=lambda *_: 32.0, splits=True, longest=3000
)
PLAIN = replace(CODER, escapes=False, escape_bits=None)
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
