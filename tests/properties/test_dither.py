"""Each property of a dither, shown to hold of a right one and to catch a wrong one by its name."""

from __future__ import annotations

from pytest_lic import QuantizerUnderTest
from pytest_lic.properties import dither
from tests.helpers.quantizer_mutants import (
    DITHERED,
    DitherByPairs,
    Mutant,
    NarrowDither,
    NoDither,
    OrderedDither,
    Property,
    assert_caught,
    each_of,
    each_right_one,
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


@each_of(MUTANTS)
def test_a_mutant_is_caught_by_the_property_that_it_breaks(mutant: Mutant) -> None:
    assert_caught(*mutant)


@each_right_one(MUTANTS)
def test_the_property_holds_of_the_right_one(right: QuantizerUnderTest, check: Property) -> None:
    check(right)
