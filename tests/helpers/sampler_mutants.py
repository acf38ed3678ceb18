"""Samplers of lic_models that are wrong in one place, as is easily done, and what shows it.

A mutant is a sampler and, for those that are wrong on both sides alike, what is changed in the
modules that it is made of.
"""

from __future__ import annotations

import numpy as np
import pytest

from lic_models.components.relative_entropy_coding import (
    ImportanceSampler,
    PoissonSampler,
    RejectionSampler,
    Sampler,
    groups,
    importance,
    poisson,
    rejection,
)
from lic_models.under_test import PlainSampler
from pytest_lic.properties import draws, samplers


class DriftingSeed(PoissonSampler):
    """Counts its seed on with every code: encoder and decoder agree only at first."""

    def encode(self, posterior, prior):
        """A draw with one seed, the next with another."""
        coded = super().encode(posterior, prior)
        self.seed += 1
        return coded


class IndexOffByOne(RejectionSampler):
    """Decodes the draw after the one that was sent."""

    def _read(self, reader, count):
        return rejection._values(np.arange(count), _read_indices(reader, count) + 1, self.seed)


def _read_indices(reader, count):
    found = []
    with pytest.MonkeyPatch.context() as patch:
        kept = rejection._values
        patch.setattr(
            rejection, "_values", lambda *given: (found.append(given[1]), kept(*given))[1]
        )
        rejection.read_accepted(reader, np.arange(count), 0)
    return found[0]


def keep_the_next_draw(patch: pytest.MonkeyPatch) -> None:
    """Encoder and decoder alike take the draw after the accepted one."""
    right = rejection._values
    patch.setattr(rejection, "_values", lambda at, chosen, seed: right(at, chosen + 1, seed))


def overflow_sizes(patch: pytest.MonkeyPatch) -> None:
    """Sizes are written as they are, in bits that hold one less: the largest becomes 0."""

    def write(writer, some, outliers, size_bits):
        mask = (1 << size_bits) - 1
        right(writer, groups.Groups(some.places, (some.sizes & mask) + 1), outliers, size_bits)

    right = groups.write_groups
    patch.setattr(importance, "write_groups", write)


def draw_by_batch(patch: pytest.MonkeyPatch) -> None:
    """The number of places that are drawn together is part of the counter."""
    right = poisson.words_at
    patch.setattr(
        poisson,
        "words_at",
        lambda seed, stream, places, blocks: right(seed, stream, places, blocks, places.size),
    )


def draw_by_order(patch: pytest.MonkeyPatch) -> None:
    """Words of a generator that goes on from call to call, as threads share one."""
    generator = np.random.default_rng(0)

    def words(seed, stream, places, blocks, part=0):
        return generator.integers(0, 1 << 64, (places.size, 4), np.uint64)

    patch.setattr(poisson, "words_at", words)


def accept_too_much(patch: pytest.MonkeyPatch) -> None:
    """Plain φ(r) = r, which leaves out what was accepted before."""
    patch.setattr(
        poisson, "_under", lambda targets, values, time: np.log(time) < targets.log_ratio(values)
    )


def small_importance(seed: int) -> Sampler:
    """Few draws, so that it is quick; with groups of the largest size among others."""
    return ImportanceSampler(seed, index_bits=10, spare_bits=1, size_bits=2)


def _mutant(name, make, change, check, claim):
    return name, lambda seed: PlainSampler(make(seed)), change, check, claim


MUTANTS = {
    "a seed that drifts": _mutant(
        "poisson", DriftingSeed, None, samplers.same_bytes, "the same bytes and draw"
    ),
    "an index off by one": _mutant(
        "rejection", IndexOffByOne, None, samplers.round_trip, "what is drawn decodes"
    ),
    "an index off by one on both sides": _mutant(
        "rejection", RejectionSampler, keep_the_next_draw, draws.exact, "draws are the posterior's"
    ),
    "a group size that overflows": _mutant(
        "importance", small_importance, overflow_sizes, samplers.round_trip, "what is drawn decodes"
    ),
    "draws that depend on the batch": _mutant(
        "poisson",
        PoissonSampler,
        draw_by_batch,
        samplers.independent_of_others,
        "a draw is independent of other dimensions",
    ),
    "draws that depend on order": _mutant(
        "poisson", PoissonSampler, draw_by_order, samplers.threads, "threads code alike"
    ),
    "acceptance without what is used up": _mutant(
        "poisson", PoissonSampler, accept_too_much, draws.exact, "draws are the posterior's"
    ),
}
"""What is wrong → the sampler's name, what makes one, what is changed, and what it breaks."""
