"""A grid over many machines: which cells are whose, told before any cell is made.

The cells of an operating point are a row; a row's cells have places, of which a shard gets spans.
A network stays whole where the shards come out even, else it is split by quality, and a quality
between its settings.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple

from pytest_lic.errors import UsageError
from pytest_lic.system.groups import grouped

EVEN = 1.1
"""The longest shard may take so much longer than the mean before networks are split for it."""

_FINENESS = (1, 2, 4, 8, 16, 32)


@dataclass(frozen=True)
class Shard:
    """One part of a run, ``number`` (from 1) of ``count``.

    Raises:
        UsageError: there is no such part.
    """

    number: int
    count: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.count:
            raise UsageError(
                f"there is no shard {self}: expected 1/{self.count} to {self.count}/{self.count}"
                if self.count > 0
                else f"there is no shard {self}: expected such as 3/16, the third of sixteen"
            )

    def __str__(self) -> str:
        """Such as ``3/16``."""
        return f"{self.number}/{self.count}"


@dataclass(frozen=True)
class Sharing:
    """The shard that a run is, and the seconds that cells took before (id → seconds)."""

    shard: Shard
    seconds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """The cells of one operating point: the network that serves them, the seconds of each."""

    network: str
    seconds: Sequence[float]


class Span(NamedTuple):
    """The cells of a row from ``start`` to before ``stop``."""

    row: int
    start: int
    stop: int


_Unit = tuple[Span, ...]


def shares(rows: Sequence[Row], count: int) -> tuple[_Unit, ...]:
    """What each of ``count`` shards gets, every cell once; the same for the same rows.

    No shard takes more than `EVEN` times the mean, but for the seconds of a single cell. Where
    there are fewer cells than shards, some get none.

    Args:
        rows: of the grid, in its order.
        count: of shards, 1 or more.
    """
    by_network = grouped((row.network, place) for place, row in enumerate(rows))
    units: list[_Unit] = [
        tuple(Span(place, 0, len(rows[place].seconds)) for place in places)
        for places in by_network.values()
    ]
    mean = math.fsum(math.fsum(row.seconds) for row in rows) / count
    dealt: tuple[_Unit, ...] = ()
    for fineness in _FINENESS:
        units = [part for unit in units for part in _split(unit, rows, mean / fineness)]
        dealt, longest = _deal(units, rows, count)
        if longest <= EVEN * mean:
            break
    return dealt


def _deal(
    units: Sequence[_Unit], rows: Sequence[Row], count: int
) -> tuple[tuple[_Unit, ...], float]:
    """The longest unit first, each to the shard that has least; and what the longest shard takes.

    R. L. Graham, "Bounds on multiprocessing timing anomalies", 1969.
    """
    heaviest_first = sorted((-_seconds(unit, rows), unit) for unit in units)
    loads = [(0.0, number) for number in range(count)]
    dealt: list[list[Span]] = [[] for _ in range(count)]
    for negative, unit in heaviest_first:
        load, number = loads[0]
        heapq.heapreplace(loads, (load - negative, number))
        dealt[number] += unit
    return tuple(tuple(sorted(spans)) for spans in dealt), max(load for load, _ in loads)


def _split(unit: _Unit, rows: Sequence[Row], limit: float) -> list[_Unit]:
    """A unit in parts that take no longer than ``limit``, or are one cell."""
    if _seconds(unit, rows) <= limit:
        return [unit]
    if len(unit) > 1:
        return [part for span in unit for part in _split((span,), rows, limit)]
    ((row, start, stop),) = unit
    if stop - start < 2:
        return [unit]
    sums = list(accumulate(rows[row].seconds[start:stop]))
    before_half = sum(1 for total in sums if total <= sums[-1] / 2)
    middle = start + min(max(before_half, 1), stop - start - 1)
    halves = Span(row, start, middle), Span(row, middle, stop)
    return [part for half in halves for part in _split((half,), rows, limit)]


def _seconds(unit: _Unit, rows: Sequence[Row]) -> float:
    return math.fsum(math.fsum(rows[row].seconds[start:stop]) for row, start, stop in unit)
