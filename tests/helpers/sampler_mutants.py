"""Samplers that are wrong in one place, as is easily done, and the promises that show it.

A mutant is a sampler and, for those that are wrong on both sides alike, what is changed in the
modules that it is made of.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy.stats import kstest

from lic_models.components.relative_entropy_coding import (
    Gaussians,
    ImportanceSampler,
    PoissonSampler,
    RejectionSampler,
    Sampler,
    groups,
    importance,
    poisson,
    rejection,
)
from pytest_lic.errors import CorruptBitstreamError
from tests.helpers.gaussian_pairs import LEVEL, alike, mixed, probabilities

Make = Callable[[], Sampler]


def decodes(make: Make) -> bool:
    """Bytes and the prior give the draw, to a decoder that coded nothing before."""
    for seed in range(4):
        posterior, prior = mixed(150, seed)
        string, draw = make().encode(posterior, prior)
        try:
            found = make().decode(string, prior)
        except CorruptBitstreamError:
            return False
        if not np.array_equal(found, draw):
            return False
    return True


def repeats(make: Make) -> bool:
    """The same pair gives the same draw, whatever was coded before."""
    posterior, prior = mixed(150)
    sampler = make()
    draws = [sampler.encode(posterior, prior)[1] for _ in range(3)]
    return all(np.array_equal(draws[0], other) for other in draws)


def stands_alone(make: Make) -> bool:
    """A dimension's draw is the same in a longer batch."""
    posterior, prior = mixed(150)
    some = [Gaussians(each.means[:60], each.scales[:60]) for each in (posterior, prior)]
    return np.array_equal(make().encode(*some)[1], make().encode(posterior, prior)[1][:60])


def keeps_in_threads(make: Make) -> bool:
    """Threads that decode at once get what one alone gets."""
    posterior, prior = mixed(150)
    string, draw = make().encode(posterior, prior)
    with ThreadPoolExecutor(4) as pool:
        try:
            found = list(pool.map(lambda _: make().decode(string, prior), range(4)))
        except CorruptBitstreamError:
            return False
    return all(np.array_equal(each, draw) for each in found)


def follows_the_posterior(make: Make) -> bool:
    """Draws pass for the posterior's at a level of a thousandth."""
    posterior, prior = alike(0.8, 0.4, 4000)
    draw = make().encode(posterior, prior)[1]
    return bool(kstest(probabilities(draw, posterior), "uniform").pvalue > LEVEL)


PROMISES = [decodes, repeats, stands_alone, keeps_in_threads, follows_the_posterior]


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


def small_importance() -> Sampler:
    """Few draws, so that it is quick; with groups of the largest size among others."""
    return ImportanceSampler(3, index_bits=10, spare_bits=1, size_bits=2)


MUTANTS = {
    "a seed that drifts": (lambda: DriftingSeed(3), None, repeats),
    "an index off by one": (lambda: IndexOffByOne(3), None, decodes),
    "an index off by one on both sides": (
        lambda: RejectionSampler(3),
        keep_the_next_draw,
        follows_the_posterior,
    ),
    "a group size that overflows": (small_importance, overflow_sizes, decodes),
    "draws that depend on the batch": (lambda: PoissonSampler(3), draw_by_batch, stands_alone),
    "draws that depend on order": (lambda: PoissonSampler(3), draw_by_order, keeps_in_threads),
    "acceptance without what is used up": (
        lambda: PoissonSampler(3),
        accept_too_much,
        follows_the_posterior,
    ),
}
"""What is wrong → the sampler, what is changed, and the promise that it breaks."""
