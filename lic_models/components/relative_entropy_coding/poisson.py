"""Greedy Poisson rejection sampling, each dimension's prior split where a draw was rejected.

Flamich, "Greedy Poisson rejection sampling", NeurIPS 2023, https://arxiv.org/abs/2305.15313,
section 4, "speeding up GPRS with binary search".

    [──────────────x────────────]   a draw x of the prior, rejected
    [──────────────]                where the ratio's peak is: the next draw is of this part
            [──x───]                and so on: KL and a few steps, each a bit or so

Draws arrive as a Poisson process, and the first that lies under the ratio r = q / p, stretched by
φ, is a draw of q. Above a rejected draw's time, what is accepted lies on the peak's side of it.
What is sent is how many draws there were and, for each rejected one, left or right, with the
probability that the split gave it. Parts of the prior are intervals of integers.

That needs a ratio with a peak. Dimensions whose posterior is wider than their prior are coded by
rejection, with a budget.
"""

from __future__ import annotations

from functools import cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import roots_legendre

from lic_models.components.entropy_coding.tables import FrequencyTables
from lic_models.components.relative_entropy_coding.base import Sampler
from lic_models.components.relative_entropy_coding.gaussians import Targets
from lic_models.components.relative_entropy_coding.normals import Floats, normals
from lic_models.components.relative_entropy_coding.philox import Words, high_word, words_at
from lic_models.components.relative_entropy_coding.rejection import read_accepted, write_accepted
from lic_models.components.relative_entropy_coding.strings import (
    Numbers,
    Reader,
    Writer,
    fading,
    tables_of,
)
from pytest_lic.errors import UsageError

MOST_BITS = 40.0
"""Of one dimension; narrower posteriors come near the distance of two integers."""
MOST_DRAWS = 120
_USUAL = fading(MOST_DRAWS + 1)
_STREAM = 3
_SHARES = 256
_LEAST = -25.0
"""ln of a level below which φ is the level."""
_WIDE_BUDGET = 1 << 12


class PoissonSampler(Sampler):
    """Exact; KL, its logarithm and about 3 bits a dimension, in KL and a few steps.

    The only one for dimensions of more than 16 bits. Flamich, "Greedy Poisson rejection sampling",
    NeurIPS 2023, https://arxiv.org/abs/2305.15313.

    Args:
        seed: which both sides have.

    Raises:
        UsageError: another seed; when coding, a dimension of more than 40 bits.
    """

    name = "greedy Poisson rejection"
    exact: ClassVar[bool] = True

    def _write(self, writer: Writer, targets: Targets) -> Floats:
        narrow = np.flatnonzero(targets.narrow)
        _check(targets, narrow)
        counts = np.zeros(targets.count, np.int64)
        counts[narrow], values, turns = _searched(targets.at(narrow), narrow, self.seed)
        writer.symbols(counts, _USUAL)
        for right, shares in turns:
            writer.chosen(right, shares, _turn_tables())
        drawn = np.empty(targets.count)
        drawn[narrow] = values
        wide = np.flatnonzero(~targets.narrow)
        if wide.size:
            drawn[wide] = write_accepted(writer, targets.at(wide), wide, self.seed, _WIDE_BUDGET)
        return drawn

    def _read(self, reader: Reader, count: int) -> Floats:
        counts = reader.symbols(count, _USUAL)
        places = np.flatnonzero(counts)
        parts = _Parts.whole(places, self.seed)
        active, words = np.arange(places.size), np.empty(places.size, np.uint64)
        for draw in range(int(counts.max())):
            location, shares = parts.draw(active, draw)
            words[active] = location
            on = counts[places[active]] > draw + 1
            active = active[on]
            right = reader.chosen(shares[on], _turn_tables())
            parts.split(active, location[on], right == 1)
        drawn = np.empty(count)
        drawn[places] = normals(words)
        wide = np.flatnonzero(counts == 0)
        if wide.size:
            drawn[wide] = read_accepted(reader, wide, self.seed)
        return drawn


def _check(targets: Targets, narrow: Numbers) -> None:
    if narrow.size and targets.bits[narrow].max() > MOST_BITS:
        at = narrow[targets.bits[narrow].argmax()]
        raise UsageError(
            f"PoissonSampler: dimension {at} has a divergence of {targets.bits[at]:.1f} bits, mean "
            f"{targets.means[at]:.3g} and scale {targets.scales[at]:.3g} seen from its prior; at "
            f"most {MOST_BITS:.0f} are coded: bound scales from below, or widen the prior"
        )


class _Parts:
    """The part of the prior that each place's next draw is of: integers first … first + width."""

    def __init__(self, first: Words, width: Words, places: Numbers, seed: int) -> None:
        self.first, self.width, self._places, self._seed = first, width, places, seed

    @classmethod
    def whole(cls, places: Numbers, seed: int) -> _Parts:
        """All of the prior, but for the last integer."""
        size = places.size
        most = np.full(size, (1 << 64) - 1, np.uint64)
        return cls(np.zeros(size, np.uint64), most, places, seed)

    def draw(self, some: Numbers, number: int) -> tuple[Words, Numbers]:
        """Where a draw of some parts lies, and which share of each is left of it, in 256ths."""
        words = words_at(self._seed, _STREAM, self._places[some], number)[:, 0]
        width = self.width[some]
        beyond = high_word(words, width)
        shares = beyond // (width // np.uint64(_SHARES) + np.uint64(1))
        return self.first[some] + beyond, shares.astype(np.int64)

    def split(self, some: Numbers, location: Words, right: NDArray[np.bool_]) -> None:
        """Go on right or left of a location."""
        beyond = location - self.first[some]
        self.width[some] = np.where(right, self.width[some] - beyond, beyond)
        self.first[some] = np.where(right, location, self.first[some])

    def waits(self, some: Numbers, number: int) -> Floats:
        """How long the process takes to its next arrival in some parts."""
        words = words_at(self._seed, _STREAM, self._places[some], number)[:, 1]
        uniform = ((words >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
        waits: Floats = -np.log(uniform) / (self.width[some].astype(np.float64) * 2.0**-64)
        return waits


def _searched(
    targets: Targets, places: Numbers, seed: int
) -> tuple[Numbers, Floats, list[tuple[Numbers, Numbers]]]:
    """How many draws each target takes, the last one's value, and the turns at each draw."""
    parts = _Parts.whole(places, seed)
    active = np.arange(places.size)
    time, counts, values = np.zeros(places.size), np.zeros(places.size, np.int64), targets.means + 0
    turns = []
    for draw in range(MOST_DRAWS):
        if not active.size:
            break
        time[active] += parts.waits(active, draw)
        location, shares = parts.draw(active, draw)
        some, drawn = targets.at(active), normals(location)
        counts[active], values[active] = draw + 1, drawn
        on = ~_under(some, drawn, time[active])
        # No smaller parts, which takes a posterior of more than `MOST_BITS` or an unlikely draw.
        on &= (parts.width[active] > 1 << 12) & (draw + 1 < MOST_DRAWS)
        right = (drawn < some.centre)[on]
        active = active[on]
        turns.append((right.astype(np.int64), shares[on]))
        parts.split(active, location[on], right)
    return counts, values, turns


def _under(targets: Targets, values: Floats, time: Floats) -> NDArray[np.bool_]:
    """Which values lie under the stretched ratio at their time."""
    log_ratio = targets.log_ratio(values)
    ratio = np.exp(np.minimum(log_ratio, 700))
    # φ(r) is at least r, and at most r over what is left of q above it: mostly that settles it.
    under: NDArray[np.bool_] = time < ratio
    open_ = ~under & (time * targets.left(log_ratio) < ratio)
    under[open_] = time[open_] < stretched(targets.at(open_), values[open_])
    return under


def stretched(targets: Targets, values: Floats) -> Floats:
    """φ(r) of narrow targets at values (n,): when a draw there no longer is accepted.

    φ(h) = ∫₀ʰ ds / ∫ (q − s · p)⁺; with s the ratio at a distance a from its peak, and ln a the
    variable, the integrand is smooth, and Gauss and Legendre's 40 points give 1e-6 of it or better.
    """
    distance = np.maximum(np.abs(values - targets.centre), 1e-12)
    column = Targets(targets.means[:, None], targets.scales[:, None])
    farthest = targets.half_width(np.full(targets.count, _LEAST))
    nodes, weights = roots_legendre(40)
    ratio = np.maximum(farthest / distance, 1.0)
    log_span = np.log(ratio) / 2
    width = distance[:, None] * np.exp(log_span[:, None] * (nodes + 1))
    log_level = column.log_peak - width**2 / (2 * column.spread)
    left = np.maximum(column.left(log_level, width), 1e-300)
    integrand = np.exp(np.minimum(log_level, 700)) * width**2 / (column.spread * left)
    with np.errstate(over="ignore"):
        integral = log_span * (integrand * weights).sum(axis=1)
    start = np.exp(np.minimum(targets.log_ratio(values), _LEAST))
    arrival: Floats = start + integral
    return arrival


@cache
def _turn_tables() -> FrequencyTables:
    """Left or right, by the share of a part that is left of the split."""
    left = 2 * np.arange(_SHARES) + 1
    return tables_of(np.stack([left, 2 * _SHARES - left], axis=1))
