"""Cells, curves, and the grid of a run that they stand on: names alone, however many."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from pytest_lic.codec import CodecFamily
from pytest_lic.errors import UsageError
from pytest_lic.measuring.shards import Shard
from pytest_lic.rate_matching import target_of
from pytest_lic.system.typed_json import Count


@dataclass(frozen=True, slots=True)
class Setting:
    """Everything about a cell but the codec: corpus (by name), resolution, batch and device."""

    corpus: str
    resolution: str = "native"
    batch: Count = 1
    device: str = "cpu"

    @property
    def id(self) -> str:
        """Such as ``photos-256px-b4-cpu``."""
        resolution = self.resolution if self.resolution == "native" else f"{self.resolution}px"
        return f"{self.corpus}-{resolution}-b{self.batch}-{self.device.replace(':', '')}"


def point_id(family: str, quality: str) -> str:
    """Such as ``msh-gsdn-q3``, or ``msh-gsdn-bpp0.25`` at a target rate."""
    return f"{family}-{'q' if target_of(quality) is None else ''}{quality}"


@dataclass(frozen=True, slots=True)
class Cell:
    """One grid point: an operating point of a family, in a setting."""

    family: str
    quality: str
    setting: Setting

    @property
    def id(self) -> str:
        """Such as ``msh-gsdn-q3-photos-256px-b4-cpu``."""
        return f"{point_id(self.family, self.quality)}-{self.setting.id}"


@dataclass(frozen=True, slots=True)
class Curve:
    """All qualities of a family, in one setting."""

    family: str
    setting: Setting

    @property
    def id(self) -> str:
        """Such as ``msh-gsdn-photos-256px-b4-cpu``."""
        return f"{self.family}-{self.setting.id}"


Purpose = Literal["rate", "edge", "conformance", "time"]
"""What a cell is there for.

``rate``: it is measured, and all gates but these ask for it: ``edge``: its images of hostile sizes
come back, ``conformance``: bitstreams are kept of it, ``time``: its times are taken.
"""
Planned = tuple[tuple[Cell, frozenset[Purpose]], ...]
Point = tuple[CodecFamily, str]
"""An operating point: a family at one of its qualities."""


Share = Mapping[tuple[str, str], Collection[Setting]]
"""Of a shard: family and quality → the settings that are its own."""


@dataclass(frozen=True)
class Part:
    """What a grid is of a larger one, where many machines share a run.

    Args:
        shard: which part.
        cells: how many the whole grid has.
        plan: a digest of what each shard gets.
        left: the curves that have points in other shards too, for the merge to judge.
    """

    shard: Shard
    cells: int
    plan: str
    left: frozenset[Curve]


@dataclass(frozen=True)
class Grid:
    """The cells and curves of a run, those of one purpose in the order of their networks.

    Args:
        planned: every cell once, with its purposes.
        curves: those that are gated.
        corpora: the name of each corpus → what the user called it.
        networks: family and quality → the network that serves them.
        notes: what the selection left out without being an error.
        part: what it is of a larger grid; None where it is the whole.
    """

    planned: Planned
    curves: tuple[Curve, ...]
    corpora: Mapping[str, str]
    networks: Mapping[tuple[str, str], str]
    notes: tuple[str, ...] = ()
    part: Part | None = None

    def of(self, *purposes: Purpose) -> tuple[Cell, ...]:
        """The cells that are there for any of these purposes."""
        return tuple(cell for cell, its in self.planned if not its.isdisjoint(purposes))

    @property
    def every_cell(self) -> tuple[Cell, ...]:
        """The cells, whatever they are there for."""
        return tuple(cell for cell, _ in self.planned)

    def network(self, cell: Cell) -> str:
        """The network that serves a cell."""
        return self.networks[cell.family, cell.quality]


def plan(cells: Mapping[Purpose, Iterable[Cell]]) -> Planned:
    """Each cell once, where it stands first, with all its purposes."""
    planned: dict[Cell, frozenset[Purpose]] = {}
    for purpose, those in cells.items():
        for cell in those:
            planned[cell] = _and_also(planned.get(cell, frozenset()), purpose)
    return tuple(planned.items())


@cache
def _and_also(purposes: frozenset[Purpose], purpose: Purpose) -> frozenset[Purpose]:
    """Cached, so that a million cells share a few sets."""
    return purposes | {purpose}


def cells_of(
    points: Sequence[Point], settings: Sequence[Setting], share: Share | None = None
) -> Iterator[Cell]:
    """Every operating point in every setting, or those of a shard alone."""
    for family, quality in points:
        own = settings if share is None else share.get((family.name, quality), ())
        if not own:
            continue
        for setting in settings:
            if share is None or setting in own:
                yield Cell(family.name, quality, setting)


def networks_of(points: Sequence[Point]) -> dict[tuple[str, str], str]:
    """The network of each operating point."""
    return {(family.name, quality): family.network(quality) for family, quality in points}


def check_ids(subjects: Sequence[Cell | Curve]) -> None:
    """Refuse two subjects of one id: tests, store and scheduler know them by their ids alone."""
    known: dict[str, Cell | Curve] = {}
    for subject in subjects:
        other = known.setdefault(subject.id, subject)
        if other != subject:
            raise UsageError(
                f"{_described(other)} and {_described(subject)} are both called {subject.id}; "
                "rename one of them"
            )


def _described(subject: Cell | Curve) -> str:
    if isinstance(subject, Curve):
        return f"the curve of {subject.family}"
    return f"quality {subject.quality} of {subject.family}"
