"""Each property of training, shown to hold of a right quantizer and to catch a wrong one."""

from __future__ import annotations

from pytest_lic import QuantizerUnderTest
from pytest_lic.properties import training
from tests.helpers.quantizer_mutants import (
    NOISY,
    ROUNDING,
    BiasedNoise,
    HalfTheGradient,
    Mutant,
    NoGradient,
    NoiseTooNarrow,
    NoiseTooWide,
    NoiseTwice,
    NoProxy,
    Property,
    SoftFloor,
    SoftRoundingStartsHard,
    TrainsWithOtherValues,
    TriangularNoise,
    assert_caught,
    each_of,
    each_right_one,
)

GRADIENT = "the straight-through gradient is one"

MUTANTS = [
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


@each_of(MUTANTS)
def test_a_mutant_is_caught_by_the_property_that_it_breaks(mutant: Mutant) -> None:
    assert_caught(*mutant)


@each_right_one(MUTANTS)
def test_the_property_holds_of_the_right_one(right: QuantizerUnderTest, check: Property) -> None:
    check(right)
