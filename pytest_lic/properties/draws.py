"""What a sampler's draws are like: the posterior's, independent, and in as many bits as they need.

Samples are of fixed seeds, so each of these tests gives the same answer every time. Its false-alarm
rate is over seeds: a right sampler fails a test for one seed in a million.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from hypothesis import strategies as st
from scipy.special import ndtr

from pytest_lic.properties.gaussian_pairs import Arrays, Floats, divergence, tested_bits
from pytest_lic.properties.search import FALSE_ALARM, RATE, Broken, for_all
from pytest_lic.properties.statistics import (
    deviations_allowed,
    distance_allowed,
    distance_to_uniform,
)
from pytest_lic.sampler import SamplerUnderTest

COUNT = 4000
"""How many dimensions are drawn."""
_PRIOR = 1.5, 0.7
_POSTERIORS = (
    *((0.0, 1.0), (0.4, 0.9), (0.8, 0.4), (1.8, 0.6), (-2.2, 0.2), (0.0, 0.05)),
    (0.7, 1.4),
)
"""Means and scales, seen from the prior."""
_MOST_BITS = 6.0
_LAGS = 4
_SHORTER = 0.1


@dataclass(frozen=True)
class _Posterior:
    """The same for all dimensions, seen from its prior."""

    mean: float
    scale: float

    def arrays(self) -> Arrays:
        mean, scale = _PRIOR
        values = (mean + scale * self.mean, scale * self.scale, mean, scale)
        return tuple(np.full(COUNT, value) for value in values)  # type: ignore[return-value]

    def shares(self, draw: Floats) -> Floats:
        """Where draws lie in it, uniform from 0 to 1 if they are of it."""
        means, scales, *_ = self.arrays()
        shares: Floats = ndtr((draw - means) / scales)
        return shares

    def __str__(self) -> str:
        mean, scale, *prior = (each[0] for each in self.arrays())
        return f"{COUNT} times {mean:g} ± {scale:g}, of a prior {prior[0]:g} ± {prior[1]:g}"


def exact(subject: SamplerUnderTest) -> None:
    """Draws are those of the posterior, by the distance of Kolmogorov and Smirnov.

    Raises:
        PropertyError: the distance is larger than what chance allows at 10⁻⁶.
    """
    posteriors = _posteriors(subject)
    allowed = distance_allowed(COUNT, FALSE_ALARM / len(posteriors))

    def check(posterior: _Posterior) -> Broken | None:
        draw = subject.build(0).encode(*posterior.arrays())[1]
        shares = posterior.shares(draw)
        distance = distance_to_uniform(torch.from_numpy(shares - 0.5))
        if distance <= allowed:
            return None
        means, scales, *_ = posterior.arrays()
        seen = (draw - means) / scales
        return Broken(
            f"draws of the posterior, to {allowed:.4f} in their distribution function ({RATE})",
            f"a distance of {distance:.4f}; in scales of the posterior a mean of "
            f"{seen.mean():.3f} and a deviation of {seen.std():.3f}",
        )

    for_all(subject, "draws are the posterior's", st.sampled_from(posteriors), check, str)


def independence(subject: SamplerUnderTest) -> None:
    """Draws of neighbouring dimensions are uncorrelated, and so are those of two seeds.

    Neighbours are up to four apart, and of two seeds too: one whose random numbers are those of the
    seed and the dimension in sum has the same ones again.

    Raises:
        PropertyError: a correlation that is larger than what chance allows at 10⁻⁶, or draws that
            are all the same.
    """
    posteriors = [_Posterior(0.8, 0.4)] if tested_bits(subject) >= 2 else [_Posterior(0.4, 0.9)]
    allowed = deviations_allowed(FALSE_ALARM / (6 * _LAGS)) / math.sqrt(COUNT - _LAGS)

    def check(posterior: _Posterior) -> Broken | None:
        draws = [subject.build(seed).encode(*posterior.arrays())[1] for seed in (0, 1)]
        if any((draw == draw[0]).all() for draw in draws):
            return Broken("draws that differ", f"{draws[0][0]!r} in each of {COUNT} dimensions")
        one, other = ((draw - draw.mean()) / draw.std() for draw in draws)
        correlations = {
            **{f"neighbours {lag} apart": _lagged(one, one, lag) for lag in range(1, _LAGS + 1)},
            **{
                f"seed 0 and seed 1, {abs(lag)} dimensions apart": _lagged(one, other, lag)
                for lag in range(-_LAGS, _LAGS + 1)
            },
        }
        what, largest = max(correlations.items(), key=lambda item: abs(item[1]))
        if abs(largest) <= allowed:
            return None
        return Broken(
            f"draws uncorrelated, to {allowed:.4f} ({RATE})", f"{largest:.4f} between {what}"
        )

    claim = "draws of dimensions and of seeds are independent"
    for_all(subject, claim, st.sampled_from(posteriors), check, str)


def enough_bits(subject: SamplerUnderTest) -> None:
    """A string is at least as long as its divergence, but for a tenth, which chance may take.

    Posteriors are such that all their draws together are the prior's. Of such no decoder gets
    exact draws in fewer bits on average (Harsha et al. 2010,
    https://doi.org/10.1109/TIT.2009.2034824): one that does has them from elsewhere, such as what
    the encoder left in the process.

    Raises:
        PropertyError: a shorter string.
    """

    def check(arrays: Arrays) -> Broken | None:
        least = (1 - _SHORTER) * _bits(arrays)
        came = 8 * len(subject.build(0).encode(*arrays)[0])
        if came >= least:
            return None
        return Broken(f"{least:.0f} bits or more", f"{came} bits")

    for_all(subject, "as many bits as a draw needs", _matched(subject), check, _shown)


def overhead(subject: SamplerUnderTest) -> None:
    """A dimension takes at most the promised bits beside its divergence, the mean of 4,000.

    Raises:
        PropertyError: it takes more.
    """
    assert subject.overhead is not None
    promised = subject.overhead

    def check(arrays: Arrays) -> Broken | None:
        beside = (8 * len(subject.build(0).encode(*arrays)[0]) - _bits(arrays)) / COUNT
        if beside <= promised:
            return None
        return Broken(
            f"at most {promised:g} bits a dimension beside the divergence", f"{beside:.3f}"
        )

    for_all(subject, "few bits beside the divergence", _matched(subject), check, _shown)


def _posteriors(subject: SamplerUnderTest) -> list[_Posterior]:
    reach = min(tested_bits(subject), _MOST_BITS)
    known = [_Posterior(*each) for each in _POSTERIORS if each[1] <= 1 or subject.wide]
    return [
        each
        for each in known
        if divergence(np.array([each.mean]), np.array([each.scale]))[0] <= reach
    ]


def _matched(subject: SamplerUnderTest) -> st.SearchStrategy[Arrays]:
    """Posteriors of 1 and of 3 bits, about means that make all draws together the prior's."""
    reach = tested_bits(subject)
    draw = np.random.default_rng(0)
    scales = np.where(np.arange(COUNT) % 2, 0.5, 0.125)
    scales = np.maximum(scales, 2.0**-reach)
    means = draw.normal(size=COUNT) * np.sqrt(1 - scales**2)
    nats = 0.99 * reach * math.log(2) - (scales**2 - 1) / 2 + np.log(scales)
    farthest = np.sqrt(np.maximum(2 * nats, 0))
    mean, scale = _PRIOR
    means = mean + scale * np.clip(means, -farthest, farthest)
    return st.just((means, scale * scales, np.full(COUNT, mean), np.full(COUNT, scale)))


def _bits(arrays: Arrays) -> float:
    means, scales, prior_means, prior_scales = arrays
    return float(divergence((means - prior_means) / prior_scales, scales / prior_scales).sum())


def _shown(arrays: Arrays) -> str:
    return f"{COUNT} dimensions of {_bits(arrays) / COUNT:.2f} bits of divergence on average"


def _lagged(one: Floats, other: Floats, lag: int) -> float:
    if lag < 0:
        one, other, lag = other, one, -lag
    return float((one[lag:] * other[: COUNT - lag]).mean())
