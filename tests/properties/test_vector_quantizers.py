"""Each property of vector quantizers, shown to hold and to catch what breaks it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lic_models.components import SoftToHardQuantizer
from lic_models.under_test import StringQuantizer
from pytest_lic import VectorQuantizerUnderTest
from pytest_lic.errors import PropertyError
from pytest_lic.properties import vector_quantizers as properties
from tests.helpers import index_mutants
from tests.helpers import plain_vector_quantizers as plain
from tests.helpers.property_errors import assert_told

OWN = "indices of the codebooks"
EVERY = "every index decodes"
NEAREST = "no nearer entry"
ITSELF = "what is decoded is quantized to itself"
IN_STEP = "encoder and decoder in step"
APART = "each position is coded by itself"
REFUSED = "a clear error for what no entry has"
MUTANTS = [
    (plain.CountsFromOne, properties.own_indices, OWN, "positions 1", "0 to 7", "index 8"),
    (plain.InFloat, properties.own_indices, OWN, "1 × 1 × 1", "(1, 2, 1, 1)", "torch.float32"),
    (plain.DeadEntry, properties.every_entry, EVERY, "from 0", "finite values", "of index 5"),
    (plain.NextOnBothSides, properties.nearest, NEAREST, "1 × 1 × 1", "squared error", "an error"),
    (plain.NextInTheDecoder, properties.nearest, NEAREST, "1 × 1 × 1", "squared", "an error"),
    (plain.Farthest, properties.nearest, NEAREST, "1 × 1 × 1", "of codebook 0", "an error"),
    (plain.WithoutTheSquare, properties.nearest, NEAREST, "1 ×", "of codebook", "an error"),
    (plain.InHalfPrecision, properties.nearest, NEAREST, "", "of codebook", "an error"),
    (plain.NextInTheDecoder, properties.idempotence, ITSELF, "8 entries", "again", "differ"),
    (plain.WithoutTheSquare, properties.idempotence, ITSELF, "8 entries", "again", "differ"),
    (plain.DrawnAnew, properties.in_step, IN_STEP, "1 × 1 × 1", "too", "["),
    (plain.OverTheBatch, properties.positions_apart, APART, "", "alone too", "["),
    (plain.LooksLeft, properties.positions_apart, APART, "1 × 1 × 2", "upper right", "["),
    (plain.Wraps, properties.refusal, REFUSED, "the index 8 at 0", "LicError or Value", "["),
    (plain.FromTheEnd, properties.refusal, REFUSED, "the index -1 at 0", "LicError or", "["),
    (plain.NaNHasAnEntry, properties.refusal, REFUSED, "the latent nan at 0", "LicError", "["),
]
Check = Callable[[VectorQuantizerUnderTest], None]
CHECKS: list[Check] = list(dict.fromkeys(each[1] for each in MUTANTS))


def subject(build: type[plain.Plain]) -> VectorQuantizerUnderTest:
    return VectorQuantizerUnderTest("mutant", build, plain.CHANNELS, plain.ENTRIES, plain.CODEBOOKS)


@pytest.mark.parametrize(
    ("mutant", "check", "claim", "example", "expected", "came"),
    MUTANTS,
    ids=[f"{each[0].__name__}-{each[1].__name__}" for each in MUTANTS],
)
def test_a_mutant_is_caught_by_the_property_that_it_breaks(
    mutant: type[plain.Plain], check: Check, claim: str, example: str, expected: str, came: str
) -> None:
    with pytest.raises(PropertyError) as caught:
        check(subject(mutant))
    assert_told(str(caught.value), claim, example, expected, came)


@pytest.mark.parametrize("check", CHECKS)
def test_the_property_holds_of_what_is_right(check: Check) -> None:
    check(subject(plain.Plain))


@pytest.mark.parametrize(
    ("quantizer", "coding", "check", "claim"),
    [
        (SoftToHardQuantizer, index_mutants.WrapsIndices, properties.refusal, REFUSED),
        (SoftToHardQuantizer, index_mutants.OffByOne, properties.idempotence, ITSELF),
        (
            index_mutants.OffByOneOnBothSides,
            index_mutants.VectorQuantisedCoding,
            properties.nearest,
            NEAREST,
        ),
        (
            index_mutants.CentredOnTheBatch,
            index_mutants.VectorQuantisedCoding,
            properties.positions_apart,
            APART,
        ),
    ],
)
def test_a_coding_of_lic_models_that_is_wrong_in_one_place_is_caught(
    quantizer: type[SoftToHardQuantizer],
    coding: type[index_mutants.VectorQuantisedCoding],
    check: Check,
    claim: str,
) -> None:
    def build() -> StringQuantizer:
        return StringQuantizer(index_mutants.ready(quantizer(8, 3), coding))

    with pytest.raises(PropertyError, match=claim):
        check(VectorQuantizerUnderTest("mutant", build, 12, 8, codebooks=4))


def test_distances_of_a_matrix_product_are_near_enough() -> None:
    properties.nearest(subject(plain.Expanded))
