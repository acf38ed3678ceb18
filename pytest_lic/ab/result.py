"""The values of a comparison of two commits: what it asks, and its result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pytest_lic.ab.checkout import Revision
from pytest_lic.ab.estimate import Estimate, Speed
from pytest_lic.baselines.comparison import Comparison
from pytest_lic.errors import Unavailable
from pytest_lic.measuring.grid import Cell
from pytest_lic.measuring.measure import Measurement
from pytest_lic.system.environment import Environment
from pytest_lic.timing.benchmarking import Direction

DIRECTIONS: tuple[Direction, ...] = ("encode", "decode")


@dataclass(frozen=True)
class Demand:
    """How long to look, and for what.

    ``fail_slower`` is a share, such as 0.03; ``budget`` and ``timeout`` are in seconds.
    """

    fail_slower: float = 0.03
    budget: float = 600.0
    timeout: float = 120.0


@dataclass(frozen=True)
class Start:
    """The paired times of one cell in one pair of processes.

    For each of its image batches the log-ratios of the quartets that coded it, of all builds.
    """

    encode: tuple[tuple[float, ...], ...]
    decode: tuple[tuple[float, ...], ...]

    def of(self, direction: Direction) -> tuple[tuple[float, ...], ...]:
        """Those of one direction."""
        return self.encode if direction == "encode" else self.decode


@dataclass(frozen=True)
class Timed:
    """The times of one cell: its starts, the estimates, and BASE's median seconds of one batch."""

    starts: tuple[Start, ...]
    seconds: Mapping[Direction, float]
    estimates: Mapping[Direction, Estimate]


@dataclass(frozen=True)
class CellResult:
    """All that was found out about one cell.

    ``quality`` is HEAD's rate and quality against BASE's; None where one side is broken.
    ``base`` and ``head`` are the measurements, or the errors.
    """

    cell: Cell
    base: Measurement | Unavailable
    head: Measurement | Unavailable
    quality: Comparison | None
    times: Timed | Unavailable

    def slower(self, threshold: float) -> list[Direction]:
        """The directions that fail: surely slower, and by ``threshold`` at least."""
        if isinstance(self.times, Unavailable):
            return []
        return [
            direction
            for direction, estimate in self.times.estimates.items()
            if estimate.verdict is Speed.SLOWER and estimate.ratio >= 1 + threshold
        ]

    @property
    def worse(self) -> bool:
        """Whether HEAD's rate or quality got worse, or HEAD broke."""
        broke = isinstance(self.head, Unavailable) and isinstance(self.base, Measurement)
        return broke or (self.quality is not None and self.quality.verdict.fails())


@dataclass(frozen=True)
class Compared:
    """A whole comparison.

    ``one_sided`` maps what only one side has, a family or a quality, to that side; ``left_out``
    names what could not be compared, with the reason, and ``lost`` what could run on BASE and can't
    on HEAD.
    """

    base: Revision
    head: Revision
    demand: Demand
    environment: Environment
    cells: tuple[CellResult, ...]
    one_sided: Mapping[str, str]
    left_out: Mapping[str, str]
    lost: Mapping[str, str]
    seconds: float
    notes: tuple[str, ...] = ()

    @property
    def timed(self) -> list[tuple[CellResult, Timed]]:
        """The cells that times were taken of, each with them."""
        return [(cell, cell.times) for cell in self.cells if isinstance(cell.times, Timed)]

    @property
    def fails(self) -> bool:
        """Whether any cell got worse, or slower by enough, or a family can't run any more."""
        return bool(self.lost) or any(
            result.worse or result.slower(self.demand.fail_slower) for result in self.cells
        )
