"""Each property of table makers, shown to hold and to catch what breaks it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from pytest_lic import TableMaker
from pytest_lic.errors import PropertyError
from pytest_lic.properties import table_makers
from tests.helpers import coder_mutants as mutants
from tests.helpers.property_errors import assert_told

MAKER = TableMaker("right", mutants.made_right)
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
