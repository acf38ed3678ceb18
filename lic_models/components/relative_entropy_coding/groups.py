"""Dimensions gathered into groups that one index codes, and the search for a group's best draw.

In raster order, until a group's divergence reaches a budget or it has 2**size_bits dimensions.
Dimensions of more than the budget are outliers, which are sent in 16 bits. A group's size takes
size_bits bits, or what it does with the empirical frequencies of sizes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lic_models.components.entropy_coding.coders import corrupt
from lic_models.components.relative_entropy_coding.normals import Floats, short_normals
from lic_models.components.relative_entropy_coding.philox import words_at, words_of_all
from lic_models.components.relative_entropy_coding.strings import Numbers, Reader, Writer

MOST_SIZE_BITS = 15
LANES = 16
"""Draws of 16 bits that a block of random words has."""
_AT_ONCE = 1 << 12
"""Dimensions looked at together: their draws stay in a processor's cache."""
_MOST_COUNTED = 7
"""Up to so many size_bits, sizes have their empirical frequencies."""
_OUTLIERS = np.array([255, 1])

Score = Callable[["Groups", Floats, int], Floats]
"""Of some groups, draws (d, k) of their dimensions and the first one's number: (groups, k)."""


@dataclass(frozen=True)
class Groups:
    """Groups of dimensions.

    Attributes:
        places: the dimensions in groups, int64 (d,), rising.
        sizes: of each group, int64 (g,), 1 at least; they sum to d.
    """

    places: Numbers
    sizes: Numbers

    @property
    def starts(self) -> Numbers:
        """Where in ``places`` each group begins."""
        return np.cumsum(self.sizes) - self.sizes

    def summed(self, values: Floats) -> Floats:
        """Sums over each group of (d, k): (g, k)."""
        sums: Floats = np.add.reduceat(values, self.starts, axis=0)
        return sums

    def spread(self, values: Numbers) -> Numbers:
        """What is of groups (g,), for each dimension (d,)."""
        return np.repeat(values, self.sizes)

    def chunks(self) -> Iterator[tuple[slice, Groups]]:
        """Some groups at a time, as which of all they are."""
        starts = self.starts
        first = 0
        while first < self.sizes.size:
            last = int(np.searchsorted(starts, starts[first] + _AT_ONCE))
            end = starts[last - 1] + self.sizes[last - 1]
            yield (
                slice(first, last),
                Groups(self.places[starts[first] : end], self.sizes[first:last]),
            )
            first = last


def grouped(bits: Floats, budget: float, size_bits: int) -> tuple[Groups, NDArray[np.bool_]]:
    """Groups of dimensions whose divergences are ``bits`` (n,), and which ones are outliers."""
    outliers = bits > budget
    places = np.flatnonzero(~outliers)
    reach = np.append(0.0, np.cumsum(bits[places]))
    each = np.arange(places.size)
    # Where the group that began at each dimension would end; then those ends that are reached
    # from the first one, twice as many steps at a time.
    ends = np.searchsorted(reach, reach[:-1] + budget, side="right") - 1
    jump = np.append(np.clip(ends, each + 1, each + (1 << size_bits)), places.size)
    jump = np.minimum(jump, places.size)
    starts = np.zeros(1, np.int64)
    while True:
        more = np.unique(np.append(starts, jump[starts]))
        if more.size == starts.size:
            break
        starts, jump = more, jump[jump]
    return Groups(places, np.diff(starts)), outliers


def write_groups(
    writer: Writer, groups: Groups, outliers: NDArray[np.bool_], size_bits: int
) -> None:
    """Write which dimensions are in which group, so that `read_groups` knows."""
    writer.bits(size_bits, 4)
    writer.symbols(outliers.astype(np.int64), _OUTLIERS)
    writer.number(groups.sizes.size)
    if size_bits <= _MOST_COUNTED:
        writer.symbols(groups.sizes - 1, np.ones(1 << size_bits, np.int64))
    else:
        writer.bits(groups.sizes - 1, size_bits)


def read_groups(reader: Reader, count: int) -> tuple[Groups, NDArray[np.bool_]]:
    """The groups that were written, and which of ``count`` dimensions are outliers.

    Raises:
        CorruptBitstreamError: sizes that are not those of the dimensions there are.
    """
    size_bits = reader.bit_field(4)
    outliers = reader.symbols(count, _OUTLIERS) == 1
    places = np.flatnonzero(~outliers)
    number = reader.number(places.size)
    if size_bits <= _MOST_COUNTED:
        sizes = reader.symbols(number, np.ones(1 << size_bits, np.int64)) + 1
    else:
        sizes = reader.bits(np.full(number, size_bits)) + 1
    if sizes.sum() != places.size:
        raise corrupt(f"has groups of {sizes.sum()} dimensions in all; {places.size} are due")
    return Groups(places, sizes), outliers


def best(groups: Groups, seed: int, stream: int, part: int, draws: int, score: Score) -> Numbers:
    """The number of the draw of the highest score of each group, int64 (g,).

    Each dimension's draws are those of its place, whatever group it is in.
    """
    chosen = np.zeros(groups.sizes.size, np.int64)
    for which, some in groups.chunks():
        row = range(int(some.places[0]), int(some.places[-1]) + 1)
        own = some.places - row.start
        highest = np.full(some.sizes.size, -np.inf)
        for first in range(0, draws, LANES):
            words = words_of_all(seed, stream, row, first // LANES, part)[own]
            drawn = short_normals(words)[:, : draws - first]
            scores = score(some, drawn, first)
            at = scores.argmax(axis=1)
            found = scores[np.arange(at.size), at]
            better = found > highest
            chosen[which] = np.where(better, first + at, chosen[which])
            highest = np.where(better, found, highest)
    return chosen


def drawn_of(groups: Groups, chosen: Numbers, seed: int, stream: int, part: int) -> Floats:
    """The draws (d,) whose numbers `best` gave."""
    number = groups.spread(chosen)
    words = words_at(seed, stream, groups.places, number // LANES, part)
    drawn: Floats = short_normals(words)[np.arange(number.size), number % LANES]
    return drawn
