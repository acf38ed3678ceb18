"""Each property of samplers, shown to hold and to catch what breaks it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from lic_models.under_test import samplers
from pytest_lic import SamplerUnderTest
from pytest_lic.errors import PropertyError
from pytest_lic.properties import draws, gaussian_pairs
from pytest_lic.properties import samplers as properties
from pytest_lic.system.watchdog import Limit, limited
from tests.helpers import plain_samplers as plain
from tests.helpers.property_errors import assert_told
from tests.helpers.sampler_mutants import MUTANTS as REAL_MUTANTS

DECODES = "what is drawn decodes"
EMPTY = "an empty pair decodes"
SAME = "the same bytes and draw every time"
THREADS = "threads code alike"
OTHERS = "a draw is independent of other dimensions"
DAMAGED = "damaged strings are refused or decode to something finite"
REFUSED = "a clear error for what can't be coded"
EXACT = "draws are the posterior's"
INDEPENDENT = "draws of dimensions and of seeds are independent"
ENOUGH = "as many bits as a draw needs"
FEW = "few bits beside the divergence"
ONE = "the seed 0, 1 dimension: "
MUTANTS = [
    (plain.InFloat32, properties.round_trip, DECODES, ONE, "float64 of shape (1,)", "float32"),
    (plain.OneDigitMore, properties.round_trip, DECODES, ONE, "dimension 0 decoded of", "1 of"),
    (plain.AText, properties.round_trip, DECODES, ONE, "encode to give bytes", "'"),
    (plain.LeftInTheProcess, draws.enough_bits, ENOUGH, "4000 dimensions of", "or more", "32 bits"),
    (plain.FirstOfAll, properties.no_dimensions, EMPTY, "0 dimensions", "no exc", "IndexError"),
    (plain.OneGenerator, properties.same_bytes, SAME, ONE, "after another pair", ""),
    (plain.OneBuffer, properties.threads, THREADS, "the seed 0", "in two threads", ""),
    (
        plain.CountsFromTheEnd,
        properties.independent_of_others,
        OTHERS,
        "2 dimensions",
        "dimension 0 drawn alike in a pair of 1",
        "1 of 1 differ",
    ),
    (
        plain.ByTheFirst,
        properties.independent_of_others,
        OTHERS,
        "2 dimensions",
        "dimension 1 drawn alike with another posterior in dimension 0",
        "1 of 1 differ",
    ),
    (
        plain.UncheckedNumbers,
        properties.damaged_strings,
        DAMAGED,
        "for 1 dimension",
        "a draw, or LicError or ValueError",
        "IndexError",
    ),
    (
        plain.UncheckedLength,
        properties.damaged_strings,
        DAMAGED,
        "for 1 dimension",
        "or the draw, float64 of shape (1,)",
        "float64 (0,)",
    ),
    (plain.NotFinite, properties.damaged_strings, DAMAGED, "1 dimension", "finite", "nan in"),
    (plain.NoWords, properties.damaged_strings, DAMAGED, "1 dimension", "with a text", "Value"),
    (plain.RefusesNothing, properties.refusal, REFUSED, "dimension 1 of 3", "ValueError", ""),
    (plain.AcceptsNaN, properties.refusal, REFUSED, "a posterior mean of nan", "ValueError", ""),
    (plain.BestOfAll, draws.exact, EXACT, "4000 times", "draws of the posterior, to", "distance"),
    (plain.LowerPeak, draws.exact, EXACT, "4000 times", "draws of the posterior, to", "deviation"),
    (
        plain.SeedAndDimension,
        draws.independence,
        INDEPENDENT,
        "4000 times",
        "draws uncorrelated",
        "1.0000 between seed 0 and seed 1, 1 dimensions apart",
    ),
    (
        plain.ForgetsTheSeed,
        draws.independence,
        INDEPENDENT,
        "4000 times",
        "draws uncorrelated",
        "1.0000 between seed 0 and seed 1, 0 dimensions apart",
    ),
    (
        plain.ForgetsTheDimension,
        draws.independence,
        INDEPENDENT,
        "4000 times",
        "draws that differ",
        "in each of 4000 dimensions",
    ),
    (
        plain.TwoAlike,
        draws.independence,
        INDEPENDENT,
        "4000 times",
        "draws uncorrelated",
        "between neighbours 1 apart",
    ),
    (plain.Plain, draws.overhead, FEW, "4000 dimensions of", "at most 2 bits a dimension", "1"),
]

Check = Callable[[SamplerUnderTest], None]
CHECKS: list[Check] = list(dict.fromkeys(each[1] for each in MUTANTS))
RIGHT = SamplerUnderTest("mutant", plain.Plain, wide=False, most_bits=4, overhead=16)
BY_NAME = {each.name: each for each in samplers()}


@pytest.mark.parametrize(
    ("mutant", "check", "claim", "example", "expected", "came"),
    MUTANTS,
    ids=[f"{each[0].__name__}-{each[1].__name__}" for each in MUTANTS],
)
def test_a_mutant_is_caught_by_the_property_that_it_breaks(
    mutant: type[plain.Plain], check: Check, claim: str, example: str, expected: str, came: str
) -> None:
    with pytest.raises(PropertyError) as caught:
        check(replace(RIGHT, build=mutant, overhead=2))
    assert_told(str(caught.value), claim, example, expected, came)


@pytest.mark.parametrize("check", CHECKS)
def test_the_property_holds_of_what_is_right(check: Check) -> None:
    check(RIGHT)


@pytest.mark.parametrize("wrong", REAL_MUTANTS)
def test_a_sampler_of_lic_models_that_is_wrong_in_one_place_is_caught(
    wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, build, change, check, claim = REAL_MUTANTS[wrong]
    if change is not None:
        change(monkeypatch)
    with pytest.raises(PropertyError, match=f"{name} breaks a property: {claim}"):
        check(replace(BY_NAME[name], build=build))


def test_a_decoder_that_does_not_come_back_is_stopped_and_told() -> None:
    with limited(Limit(0.3, 2)), pytest.raises(PropertyError) as caught:
        properties.damaged_strings(replace(RIGHT, build=plain.Endless))
    expected = "CodecError: it did not come back within 0.3 s"
    assert_told(str(caught.value), DAMAGED, "1 dimension", "no exception", expected)


def test_without_the_promise_a_sampler_is_given_nothing_wider_or_of_more_bits() -> None:
    for bits in (1, 4, 16):
        pair = gaussian_pairs.Pair(0, 2000, 5, bits, wide=False)
        means, scales, prior_means, prior_scales = pair.arrays()
        means, scales = (means - prior_means) / prior_scales, scales / prior_scales
        found = gaussian_pairs.divergence(means, scales)
        assert (scales <= 1 + 1e-9).all()
        assert found.max() <= bits
        assert found.max() > 0.9 * bits
        assert (found < 1e-9).mean() > 0.2
    wide = gaussian_pairs.Pair(0, 2000, 5, 4.0).arrays()
    assert 0.2 < (wide[1] > wide[3] * (1 + 1e-9)).mean() < 0.3


@pytest.mark.parametrize("most_bits", [1, 2, 100])
def test_tests_keep_to_the_bits_that_a_sampler_takes(most_bits: float) -> None:
    asked: list[float] = []

    class Asked(plain.Plain):
        def refuse(self, nats):
            asked.extend(nats / plain.np.log(2))
            raise StopAskingError

    subject = replace(RIGHT, build=Asked, most_bits=most_bits)
    for check in (draws.exact, draws.independence, draws.overhead, properties.round_trip):
        with pytest.raises(PropertyError, match="StopAskingError"):
            check(subject)
    assert max(asked) <= most_bits


class StopAskingError(Exception):
    """What was asked for is known."""
