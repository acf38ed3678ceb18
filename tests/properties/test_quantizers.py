"""Each property of quantizers, shown to hold of a right one and to catch a wrong one by its name.

Each mutant differs from the right one in one place.
"""

from __future__ import annotations

from pytest_lic import QuantizerUnderTest
from pytest_lic.properties import quantizers
from tests.helpers.quantizer_mutants import (
    DITHERED,
    LEVELS,
    LIMIT,
    ROUNDING,
    AnotherSeed,
    DeadZone,
    DitherGoesOn,
    FlatOutput,
    Floor,
    HalfUp,
    Mutant,
    NanIsZero,
    OrderLost,
    Overflows,
    Property,
    StepTooLong,
    Stochastic,
    ThresholdsOfOtherLevels,
    UnsortedLevels,
    ValuesTooFarOut,
    WideSymbols,
    assert_caught,
    each_of,
    each_right_one,
)

IN_STEP = "encoder and decoder in step"
DTYPES = "int32 symbols and float32 values of the input's shape"

MUTANTS = [
    (ROUNDING, HalfUp, quantizers.ties, "ties to even", "[0.5]", "[0]", "[1]"),
    (ROUNDING, Floor, quantizers.error_bound, "the error bound", "", "within 0.5", ""),
    (ROUNDING, ValuesTooFarOut, quantizers.idempotence, "idempotence", "[", "[2]", "[3]"),
    (ROUNDING, OrderLost, quantizers.monotonicity, "monotonicity", "", "", ""),
    (
        ROUNDING,
        StepTooLong,
        quantizers.values_on_the_grid,
        "values on the grid",
        "[1]",
        "[1.0]",
        "",
    ),
    (ROUNDING, DeadZone, quantizers.nearest_value, "the nearest value", "", "symbol 1", "symbol 0"),
    (ROUNDING, Overflows, quantizers.saturation, "saturation", "", f"[{LIMIT}]", ""),
    (
        ROUNDING,
        NanIsZero,
        quantizers.refusal,
        "a clear error for what is not finite",
        "[nan]",
        "CodecError",
        "[0]",
    ),
    (
        ROUNDING,
        WideSymbols,
        quantizers.int32_symbols,
        DTYPES,
        "(1, 1, 1)",
        "torch.int32",
        "torch.int64",
    ),
    (ROUNDING, FlatOutput, quantizers.int32_symbols, DTYPES, "(1, 1, 1)", "(1, 1, 1)", "(1,)"),
    (
        ROUNDING,
        Stochastic,
        quantizers.determinism,
        "determinism",
        "",
        "again of",
        "",
    ),
    (
        LEVELS,
        UnsortedLevels,
        quantizers.ascending_values,
        "ascending values",
        "[5]",
        "above [2.0]",
        "[0.5]",
    ),
    (LEVELS, ThresholdsOfOtherLevels, quantizers.nearest_value, "the nearest value", "", "", ""),
    (DITHERED, DitherGoesOn, quantizers.in_step, IN_STEP, "", "image 1", ""),
    (DITHERED, AnotherSeed, quantizers.in_step, IN_STEP, "", "image 0", ""),
]


@each_of(MUTANTS)
def test_a_mutant_is_caught_by_the_property_that_it_breaks(mutant: Mutant) -> None:
    assert_caught(*mutant)


@each_right_one(MUTANTS)
def test_the_property_holds_of_the_right_one(right: QuantizerUnderTest, check: Property) -> None:
    check(right)
