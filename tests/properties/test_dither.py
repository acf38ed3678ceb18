"""Each property of a dither, shown to hold of a right one and to catch a wrong one by its name."""

from __future__ import annotations

import pytest

from pytest_lic import QuantizerUnderTest
from pytest_lic.properties import dither
from tests.helpers.quantizer_mutants import (
    DITHERED,
    DitherByPairs,
    NarrowDither,
    NoDither,
    OrderedDither,
    Property,
    Rounding,
    assert_caught,
)

UNIFORM = "universal quantization's uniform error"
INDEPENDENT = "universal quantization's error independent of the input"
WHITE = "universal quantization's errors independent of each other"

MUTANTS = [
    (DITHERED, NarrowDither, dither.uniform_error, UNIFORM, "0.0", "1,000,000 seeds", "-0.25"),
    (
        DITHERED,
        NoDither,
        dither.uniform_error,
        UNIFORM,
        "0.0",
        "U(−0.5, 0.5)",
        "errors from 0.0000 to 0.0000",
    ),
    (
        DITHERED,
        OrderedDither,
        dither.independent_error,
        INDEPENDENT,
        "a ramp by column of height",
        "a correlation",
        "",
    ),
    (DITHERED, DitherByPairs, dither.white_error, WHITE, "column", "a correlation", "0.5"),
]


@pytest.mark.parametrize(
    ("right", "mutant", "check", "claim", "example", "expected", "came"),
    MUTANTS,
    ids=[each[1].__name__ for each in MUTANTS],
)
def test_a_mutant_is_caught_by_the_property_that_it_breaks(
    right: QuantizerUnderTest,
    mutant: type[Rounding],
    check: Property,
    claim: str,
    example: str,
    expected: str,
    came: str,
) -> None:
    assert_caught(right, mutant, check, claim, example, expected, came)


@pytest.mark.parametrize(
    ("right", "check"),
    [
        pytest.param(right, check, id=f"{check.__name__}-{right.name}")
        for right, check in dict.fromkeys((each[0], each[2]) for each in MUTANTS)
    ],
)
def test_the_property_holds_of_the_right_one(right: QuantizerUnderTest, check: Property) -> None:
    check(right)
