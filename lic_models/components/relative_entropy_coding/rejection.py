"""Rejection sampling, one dimension at a time: which draw of the prior is the first accepted.

Harsha, Jain, McAllester and Radhakrishnan, "The communication complexity of correlation", 2010,
https://doi.org/10.1109/TIT.2009.2034824, with Flamich's budget ("Compression without
quantization", 2019): of 2**B draws. The level s rises from 0; a draw z is accepted with what the
rise adds of min(r(z), s), r = q / p, so that after each draw just min(q, s · p) is used up.

Draws are looked at in blocks that grow with their number, and the level rises once a block, by as
much as keeps every probability of acceptance at most 1: blocks of one are Harsha's, longer ones
are as exact and accept a little later.

Which draw is written as how many bits its number has, with the empirical frequencies, then these
bits. What no draw of the budget stands for is an outlier: a draw of what is left of q, in 16 bits.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from lic_models.components.relative_entropy_coding.base import (
    Sampler,
    read_outliers,
    within,
    write_outliers,
)
from lic_models.components.relative_entropy_coding.gaussians import Targets
from lic_models.components.relative_entropy_coding.normals import Floats, normals
from lic_models.components.relative_entropy_coding.philox import (
    WORDS,
    Words,
    words_at,
    words_of_all,
)
from lic_models.components.relative_entropy_coding.strings import (
    Numbers,
    Reader,
    Writer,
    fading,
    lengths_of,
)

MOST_BUDGET_BITS = 16
_OUTLIER = MOST_BUDGET_BITS + 1
_USUAL = fading(_OUTLIER + 1)
_SHARED, _LEFT = 1, 2
"""Streams of random words: the prior's draws, and outliers."""
_UPPER, _LOWER = np.uint64(0xFFFFFFFF << 32), np.uint64(0xFFFFFFFF)
_AT_ONCE = 1 << 17
"""Draws looked at together, which a processor's cache holds."""
_HOPELESS = 0.5
"""Dimensions that the budget would serve with less probability are outliers at once."""
_BESIDE = 1024
"""What a draw's location may be off from where its value is, in units of 2**-32; twice that."""
_SPARSE = 8
"""Places with more than this many others between them are drawn one by one."""
_MOST_TRIES = 1 << 8


class RejectionSampler(Sampler):
    """Exact where the budget serves; KL and 2 to 3 bits a dimension.

    That is up to about 10 bits with a budget of 12. At 12 bits of KL many draws are outliers,
    whose rounding shows: the variance of all draws was 1.5 times the posterior's.
    Harsha et al. 2010, https://doi.org/10.1109/TIT.2009.2034824.

    Args:
        seed: which both sides have.
        budget_bits: B, 0 to 16. Dimensions that 2**B draws would not serve cost 16 bits and their
            draw is rounded to 2**-11 of itself.

    Raises:
        UsageError: another seed or budget.
    """

    name = "rejection"
    exact: ClassVar[bool] = True

    def __init__(self, seed: int = 0, budget_bits: int = 12) -> None:
        super().__init__(seed)
        within(self, "budget_bits", budget_bits, 0, MOST_BUDGET_BITS)
        self.budget_bits = budget_bits

    def _write(self, writer: Writer, targets: Targets) -> Floats:
        places = np.arange(targets.count)
        return write_accepted(writer, targets, places, self.seed, 1 << self.budget_bits)

    def _read(self, reader: Reader, count: int) -> Floats:
        return read_accepted(reader, np.arange(count), self.seed)


def write_accepted(
    writer: Writer, targets: Targets, places: Numbers, seed: int, budget: int
) -> Floats:
    """Write a draw of each target (n,), whose random words are those of its place."""
    chosen, levels = accepted(targets, places, seed, budget)
    out = chosen < 0
    lengths = np.where(out, _OUTLIER, lengths_of(chosen))
    writer.symbols(lengths, _USUAL)
    below = np.where(out, 0, np.maximum(lengths - 1, 0))
    writer.bits(chosen & (1 << below) - 1, below)
    values = _values(places, np.maximum(chosen, 0), seed)
    left = _left_over(targets.at(out), levels[out], places[out], seed)
    values[out] = write_outliers(writer, left)
    return values


def read_accepted(reader: Reader, places: Numbers, seed: int) -> Floats:
    """The draws that `write_accepted` wrote."""
    lengths = reader.symbols(places.size, _USUAL)
    out = lengths == _OUTLIER
    below = np.where(out, 0, np.maximum(lengths - 1, 0))
    chosen = reader.bits(below) | np.where(out | (lengths == 0), 0, 1 << below)
    values = _values(places, chosen, seed)
    values[out] = read_outliers(reader, int(out.sum()))
    return values


def accepted(targets: Targets, places: Numbers, seed: int, budget: int) -> tuple[Numbers, Floats]:
    """The number of each target's first accepted draw, −1 for none, and the level it came to."""
    chosen = np.full(targets.count, -1, np.int64)
    levels = np.zeros(targets.count)
    hopeless = targets.left(np.full(targets.count, np.log(budget))) > 1 - _HOPELESS
    active = np.flatnonzero(~hopeless)
    start = 0
    while start < budget and active.size:
        count = 1 if start < WORDS else max(WORDS, start // 8 // WORDS * WORDS)
        count = min(count, budget - start)
        step = max(1, _AT_ONCE // count)
        for first in range(0, active.size, step):
            part = active[first : first + step]
            chosen[part], levels[part] = _block(
                targets.at(part), levels[part], places[part], seed, start, count
            )
        active = active[chosen[active] < 0]
        start += count
    return chosen, levels


def _block(
    targets: Targets, level: Floats, places: Numbers, seed: int, start: int, count: int
) -> tuple[Numbers, Floats]:
    """The first accepted of draws start … start + count − 1, and the level after them."""
    rise, scale = _rise(targets, level, count)
    words = _words(places, start, count, seed)
    # Few draws are where the ratio is above the level; only those are looked at.
    row, column = np.nonzero(_worthwhile(targets, level, words >> np.uint64(32)))
    some, word = targets.at(row), words[row, column]
    ratio = np.exp(np.minimum(some.log_ratio(normals(_location(word))), 700))
    lower, upper = level[row], (level + rise)[row]
    probability = (np.minimum(ratio, upper) - np.minimum(ratio, lower)) / scale[row]
    taken = np.flatnonzero(_uniform(word) < probability)
    rows, first = np.unique(row[taken], return_index=True)
    chosen = np.full(targets.count, -1, np.int64)
    chosen[rows] = start + column[taken[first]]
    return chosen, level + rise


def _worthwhile(targets: Targets, level: Floats, location: Words) -> NDArray[np.bool_]:
    """Where the ratio may be above the level, and a few draws beside."""
    with np.errstate(divide="ignore"):
        width = targets.half_width(np.log(level))
    ends = ndtr(np.stack([targets.centre - width, targets.centre + width])) * 2.0**32
    beside = np.where(targets.narrow, _BESIDE, -_BESIDE)
    first = np.clip(np.floor(ends[0]) - beside, 0, 2.0**32).astype(np.uint64)[:, None]
    last = np.clip(np.ceil(ends[1]) + beside, 0, 2.0**32).astype(np.uint64)[:, None]
    inside = (location >= first) & (location <= last)
    return np.where(targets.narrow[:, None], inside, ~inside)


def _rise(targets: Targets, level: Floats, count: int) -> tuple[Floats, Floats]:
    """How far a block's level rises, and what acceptance is divided by.

    With S the share of q that is left, a block of K draws, each accepted with probability
    (min(r, s₁) − min(r, s₀)) / c, uses up just S₀ − S₁ where (S₀ − S₁) / c = 1 − (S₁/S₀)^(1/K).
    Probabilities are at most 1 where s₁ − s₀ ≤ c; the largest such rise is found by bisection.
    """
    with np.errstate(divide="ignore"):
        before = np.maximum(targets.left(np.log(level)), 1e-12)
        if count == 1:
            return before, before
        least, most = np.zeros_like(level), count * before
        for _ in range(8):
            middle = (least + most) / 2
            fits = middle <= _scale(before, targets.left(np.log(level + middle)), count)
            least, most = np.where(fits, middle, least), np.where(fits, most, middle)
        return least, _scale(before, targets.left(np.log(level + least)), count)


def _scale(before: Floats, after: Floats, count: int) -> Floats:
    share = np.minimum(np.maximum(after, 1e-13) / before, 1 - 1e-15)
    scale: Floats = before * (1 - share) / -np.expm1(np.log(share) / count)
    return scale


def _left_over(targets: Targets, levels: Floats, places: Numbers, seed: int) -> Floats:
    """Draws of what is left of q above its level: of q where r is above it, taken with 1 − s / r.

    A third of them at least, as a rule, is taken.
    """
    with np.errstate(divide="ignore"):
        width = targets.half_width(np.log(levels))
    ends = np.stack([targets.centre - width, targets.centre + width])
    below, upto = ndtr((ends - targets.means) / targets.scales)
    values = np.zeros(targets.count)
    active = np.arange(targets.count)
    for turn in range(_MOST_TRIES):
        if not active.size:
            break
        some, low, high = targets.at(active), below[active], upto[active]
        words = words_at(seed, _LEFT, places[active], turn)
        share = _uniform(words[:, 0])
        outside = share * (1 - high + low)
        outside += np.where(outside > low, high - low, 0)
        quantile = np.where(some.narrow, low + share * (high - low), outside)
        drawn = some.means + some.scales * ndtri(np.clip(quantile, 1e-300, 1 - 1e-16))
        values[active] = drawn
        used = levels[active] * np.exp(-np.clip(some.log_ratio(drawn), -700, 700))
        active = active[_uniform(words[:, 1]) >= 1 - used]
    return values


def _words(places: Numbers, start: int, count: int, seed: int) -> Words:
    """The words of draws start … start + count − 1 of each place, uint64 (n, count)."""
    blocks = range(start // WORDS, -(-(start + count) // WORDS))
    row = range(int(places[0]), int(places[-1]) + 1)
    if len(row) < _SPARSE * places.size:
        parts = [words_of_all(seed, _SHARED, row, block)[places - row.start] for block in blocks]
        words = np.concatenate(parts, axis=1)
    else:
        words = words_at(
            seed, _SHARED, np.repeat(places, len(blocks)), np.tile(blocks, places.size)
        ).reshape(places.size, -1)
    wanted: Words = words[:, start % WORDS :][:, :count]
    return wanted


def _values(places: Numbers, chosen: Numbers, seed: int) -> Floats:
    words = words_at(seed, _SHARED, places, chosen // WORDS)
    return normals(_location(words[np.arange(places.size), chosen % WORDS]))


def _location(words: Words) -> Words:
    """The upper 32 bits say where; the lower ones whether to accept."""
    return (words & _UPPER) | np.uint64(1 << 31)


def _uniform(words: Words) -> Floats:
    uniform: Floats = ((words & _LOWER).astype(np.float64) + 0.5) * 2.0**-32
    return uniform
