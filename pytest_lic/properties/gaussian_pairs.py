"""What samplers are given in a search: posteriors and priors, and how they are told."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from pytest_lic.sampler import MOST_TESTED, SamplerUnderTest

Floats = NDArray[np.float64]
Arrays = tuple[Floats, Floats, Floats, Floats]
"""Means and scales of the posterior, then of the prior, (n,) each."""
_SEEDS = (0, 1, 7, 2**32 - 1)
_SHOWN = 3


@dataclass(frozen=True)
class Pair:
    """A posterior and a prior of n dimensions, and the seed of the sampler that codes them.

    ``drawn`` is the seed that they are drawn with. No dimension's divergence is more than ``bits``;
    one in four is 0, and one in four is of a posterior wider than its prior, if ``wide``.
    """

    seed: int
    count: int
    drawn: int
    bits: float
    wide: bool = True

    def arrays(self) -> Arrays:
        """Means and scales of both, float64."""
        draw = np.random.default_rng(self.drawn)
        shares, turns, signs = draw.random((3, self.count))
        kind = draw.integers(0, 4, self.count)
        nats = 0.99 * self.bits * math.log(2) * np.where(kind == 0, 0.0, draw.random(self.count))
        narrow = np.exp(-nats * (0.5 + turns / 2))
        scales = np.where((kind == 1) & self.wide, np.sqrt(1 + 2 * nats * turns), narrow)
        left = np.maximum(nats - (scales**2 - 1) / 2 + np.log(scales), 0)
        means = np.sqrt(2 * left) * np.where(signs < 0.5, -1, 1)
        prior_means = draw.normal(0, 5, self.count).round(3)
        prior_scales = np.exp(2 * shares - 1)
        return prior_means + prior_scales * means, prior_scales * scales, prior_means, prior_scales


def pairs_of(subject: SamplerUnderTest, least: int = 1, most: int = 24) -> st.SearchStrategy[Pair]:
    """Pairs that it codes, of ``least`` to ``most`` dimensions."""
    reach = tested_bits(subject)
    return st.builds(
        Pair,
        st.sampled_from(_SEEDS),
        st.integers(least, most),
        st.integers(0, 2**16),
        st.sampled_from(sorted({min(bits, reach) for bits in (1.0, 4.0, 10.0, reach)})),
        st.just(subject.wide),
    )


def tested_bits(subject: SamplerUnderTest) -> float:
    """The largest divergence of a dimension that it is given."""
    return MOST_TESTED if subject.most_bits is None else min(subject.most_bits, MOST_TESTED)


def divergence(means: Floats, scales: Floats) -> Floats:
    """KL(N(mean, scale²) ‖ N(0, 1)) in bits."""
    bits: Floats = ((scales**2 - 1 + means**2) / 2 - np.log(scales)) / math.log(2)
    return bits


def shown(pair: Pair) -> str:
    """A pair, as an example is shown: its first dimensions."""
    rows = list(zip(*pair.arrays(), strict=True))
    told = [f"{m:.6g} ± {s:.6g} of a prior {pm:.6g} ± {ps:.6g}" for m, s, pm, ps in rows[:_SHOWN]]
    more = [f"{len(rows) - _SHOWN} more (drawn with {pair.drawn})"] if len(rows) > _SHOWN else []
    return f"the seed {pair.seed}, {counted(pair.count)}: {'; '.join([*told, *more])}"


def counted(count: int) -> str:
    """So many dimensions, in words."""
    return f"{count} dimension{'s' * (count != 1)}"
