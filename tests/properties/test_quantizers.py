"""Each property of quantizers, shown to hold of a right one and to catch a wrong one by its name.

Each mutant differs from the right one in one place.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest

from pytest_lic import QuantizerUnderTest
from pytest_lic.errors import CodecError, PropertyError
from pytest_lic.properties import dither, quantizers, training
from tests.helpers.quantizer_mutants import (
    LIMIT,
    AnotherSeed,
    BiasedNoise,
    DeadZone,
    DitherByPairs,
    Dithered,
    DitherGoesOn,
    FlatOutput,
    Floor,
    HalfTheGradient,
    HalfUp,
    Levels,
    NanIsZero,
    NarrowDither,
    NoDither,
    NoGradient,
    NoiseTooNarrow,
    NoiseTooWide,
    NoiseTwice,
    Noisy,
    NoProxy,
    OrderedDither,
    OrderLost,
    Overflows,
    Rounding,
    SoftFloor,
    SoftRoundingStartsHard,
    StepTooLong,
    Stochastic,
    ThresholdsOfOtherLevels,
    TrainsWithOtherValues,
    TriangularNoise,
    UnsortedLevels,
    ValuesTooFarOut,
    WideSymbols,
)

Property = Callable[[QuantizerUnderTest], None]


ROUNDING = QuantizerUnderTest(
    "rounding",
    Rounding,
    ties="even",
    saturates=LIMIT,
    refuses=CodecError,
    straight_through=True,
    soft_rounding=True,
)
NOISY = QuantizerUnderTest("noisy", Noisy, noise="uniform")
DITHERED = QuantizerUnderTest("dithered", Dithered, dither=math.inf)
LEVELS = QuantizerUnderTest("levels", Levels, reach=5.0, bound=2.0, step=None, ties="even")


GRADIENT = "the straight-through gradient is one"
UNIFORM = "universal quantization's uniform error"
INDEPENDENT = "universal quantization's error independent of the input"
WHITE = "universal quantization's errors independent of each other"
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
    (ROUNDING, HalfTheGradient, training.straight_through, GRADIENT, "[0.0]", "[1.0]", "[0.5]"),
    (
        ROUNDING,
        NoGradient,
        training.straight_through,
        GRADIENT,
        "[0.0]",
        "a gradient of one",
        "no gradient",
    ),
    (
        ROUNDING,
        TrainsWithOtherValues,
        training.straight_through,
        GRADIENT,
        "[0.5]",
        "[0.0]",
        "[1.0]",
    ),
    (ROUNDING, NoProxy, training.straight_through, GRADIENT, "[0.0]", "no exception", "TypeError"),
    (
        NOISY,
        NoiseTooWide,
        training.noise_support,
        "the noise's support",
        "0.0",
        "within ±0.5",
        "noise from -0.99",
    ),
    (
        NOISY,
        NoiseTooNarrow,
        training.noise_support,
        "the noise's support",
        "0.0",
        "both ends",
        "noise from -0.48",
    ),
    (
        NOISY,
        BiasedNoise,
        training.noise_mean,
        "the noise's mean",
        "0.0",
        "1,000,000 seeds",
        "-0.01",
    ),
    (
        NOISY,
        TriangularNoise,
        training.noise_distribution,
        "the noise's distribution",
        "0.0",
        "U(−0.5",
        "0.12",
    ),
    (
        NOISY,
        NoiseTwice,
        training.noise_independence,
        "independent noise",
        "0.0",
        "two batches",
        "1.0",
    ),
    (
        ROUNDING,
        SoftFloor,
        training.soft_rounding_is_rounding_in_the_limit,
        "soft rounding's limit is rounding",
        "[0.0]",
        "[0.0]",
        "[-",
    ),
    (
        ROUNDING,
        SoftRoundingStartsHard,
        training.soft_rounding_starts_as_the_identity,
        "soft rounding starts as the identity",
        "",
        "",
        "",
    ),
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
    with pytest.raises(PropertyError) as caught:
        check(replace(right, name="mutant", build=mutant))
    first, *lines = str(caught.value).splitlines()
    assert first == f"mutant breaks a property: {claim}"
    for line, label, part in zip(
        lines, ("input", "expected", "came"), (example, expected, came), strict=False
    ):
        assert line.split()[0] == label
        assert part in line


@pytest.mark.parametrize(
    ("right", "check"),
    [
        pytest.param(right, check, id=f"{check.__name__}-{right.name}")
        for right, check in dict.fromkeys((each[0], each[2]) for each in MUTANTS)
    ],
)
def test_the_property_holds_of_the_right_one(right: QuantizerUnderTest, check: Property) -> None:
    check(right)
