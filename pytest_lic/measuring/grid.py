"""Options → cells: what a run measures, and in which order.

Nothing here loads a network, an image or torch: a grid of 100,000 cells is only names.
"""

from __future__ import annotations

import fnmatch
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from pytest_lic.codec import CodecFamily
from pytest_lic.errors import UnknownNameError, UsageError
from pytest_lic.images.corpus import CONFORMANCE, corpus_name

NO_CURVES = "the qualities are narrowed: points are gated, curves are not"


@dataclass(frozen=True)
class Selection:
    """What the user asked for; empty tuples select everything.

    ``corpora`` are ``photos``, ``edge`` or folders; ``resolutions`` are ``native`` or pixels;
    ``components`` are ``tag=choice`` globs.
    """

    codecs: tuple[str, ...] = ()
    qualities: tuple[str, ...] = ()
    lambdas: tuple[float, ...] = ()
    components: tuple[str, ...] = ()
    corpora: tuple[str, ...] = ("photos",)
    resolutions: tuple[str, ...] = ("native",)
    batches: tuple[int, ...] = (1,)
    devices: tuple[str, ...] = ("cpu",)

    @property
    def narrows_qualities(self) -> bool:
        """Whether some qualities of a family are left out, so that no curve is whole."""
        return bool(self.qualities or self.lambdas)

    @property
    def narrows(self) -> bool:
        """Whether any family or quality is left out."""
        return bool(self.codecs or self.components) or self.narrows_qualities


@dataclass(frozen=True, slots=True)
class Setting:
    """Everything about a cell but the codec: corpus (by name), resolution, batch and device."""

    corpus: str
    resolution: str = "native"
    batch: int = 1
    device: str = "cpu"

    @property
    def id(self) -> str:
        """Such as ``photos-256px-b4-cpu``."""
        resolution = self.resolution if self.resolution == "native" else f"{self.resolution}px"
        return f"{self.corpus}-{resolution}-b{self.batch}-{self.device.replace(':', '')}"


@dataclass(frozen=True, slots=True)
class Cell:
    """One grid point: an operating point of a family, in a setting."""

    family: str
    quality: str
    setting: Setting

    @property
    def id(self) -> str:
        """Such as ``msh-gsdn-q3-photos-256px-b4-cpu``."""
        return f"{self.family}-q{self.quality}-{self.setting.id}"


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


@dataclass(frozen=True)
class Grid:
    """The cells and curves of a run, those of one purpose in the order of their networks.

    Args:
        planned: every cell once, with its purposes.
        curves: those that are gated.
        corpora: the name of each corpus → what the user called it.
        networks: family and quality → the network that serves them.
        notes: what the selection left out without being an error.
    """

    planned: Planned
    curves: tuple[Curve, ...]
    corpora: Mapping[str, str]
    networks: Mapping[tuple[str, str], str]
    notes: tuple[str, ...] = ()

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


def make_grid(families: Sequence[CodecFamily], selection: Selection) -> Grid:
    """Cells and curves in the order in which each network is loaded once; nothing is timed.

    There is one edge cell and one conformance cell for each quality and device. Untrained families
    are not on the grid: all that can be asked of those is their time.

    Raises:
        UnknownNameError: a codec, component, quality or λ that no family answers to.
        UsageError: two corpora or two cells of one name, or a resolution or batch that is not one.
    """
    chosen = select_families(families, selection)
    qualities, notes = select_qualities(chosen, selection) if chosen else ({}, [])
    settings, corpora = settings_of(selection)
    points = [(family, quality) for family in chosen for quality in qualities[family.name]]
    planned = plan(
        {
            "rate": cells_of(points, settings),
            # The edge corpus holds one image of each size, so a batch is never filled.
            "edge": cells_of(points, [Setting("edge", device=each) for each in selection.devices]),
            "conformance": cells_of(
                points, [Setting(CONFORMANCE, device=each) for each in selection.devices]
            ),
        }
    )
    curves: list[Curve] = []
    if selection.narrows_qualities:
        notes.append(NO_CURVES)
    else:
        whole = [family for family in chosen if qualities[family.name]]
        curves = [Curve(family.name, setting) for family in whole for setting in settings]
    check_ids([*(cell for cell, _ in planned), *curves])
    return Grid(planned, tuple(curves), corpora, networks_of(points), tuple(notes))


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


def cells_of(points: Sequence[Point], settings: Sequence[Setting]) -> Iterator[Cell]:
    """Every operating point in every setting."""
    for family, quality in points:
        for setting in settings:
            yield Cell(family.name, quality, setting)


def networks_of(points: Sequence[Point]) -> dict[tuple[str, str], str]:
    """The network of each operating point."""
    return {(family.name, quality): family.network(quality) for family, quality in points}


def select_families(
    families: Sequence[CodecFamily], selection: Selection
) -> tuple[CodecFamily, ...]:
    """The trained families that match the codec globs and every component tag."""
    return tuple(family for family in matching_families(families, selection) if family.trained)


def matching_families(
    families: Sequence[CodecFamily], selection: Selection
) -> tuple[CodecFamily, ...]:
    """The families, trained or not, that match the codec globs and every component tag.

    Raises:
        UnknownNameError: a glob or a component that no family answers to.
    """
    names = [family.name for family in families]
    for pattern in selection.codecs:
        if not fnmatch.filter(names, pattern):
            raise UnknownNameError("codec", pattern, names, "--lic-codec")
    chosen = [
        family
        for family in families
        if not selection.codecs
        or any(fnmatch.fnmatchcase(family.name, pattern) for pattern in selection.codecs)
    ]
    for component in selection.components:
        tag, separator, choice = component.partition("=")
        if not separator or not tag or not choice:
            raise UsageError(
                f"--lic-component {component!r}: expected TAG=CHOICE, such as nonlinearity=gdn"
            )
        matching = [
            family
            for family in chosen
            if tag in family.tags and fnmatch.fnmatchcase(family.tags[tag], choice)
        ]
        if not matching:
            known = [f"{key}={value}" for family in chosen for key, value in family.tags.items()]
            raise UnknownNameError("component", component, known, "--lic-component")
        chosen = matching
    return tuple(chosen)


def select_qualities(
    families: Sequence[CodecFamily], selection: Selection
) -> tuple[dict[str, list[str]], list[str]]:
    """Family → its qualities that are asked for, and what that leaves out.

    Raises:
        UnknownNameError: a quality or λ that none of the families has.
        UsageError: no quality of any family is left.
    """
    labels = {label for family in families for label in family.qualities}
    for label in selection.qualities:
        if label not in labels:
            raise UnknownNameError("quality", label, labels, "--lic-quality")
    lambdas = {value for family in families for value in family.qualities.values()} - {None}
    for wanted in selection.lambdas:
        if not any(_equal(wanted, value) for value in lambdas):
            raise UnknownNameError(
                "λ", f"{wanted:g}", [f"{value:g}" for value in lambdas if value], "--lic-lambda"
            )
    chosen: dict[str, list[str]] = {}
    notes = []
    for family in families:
        chosen[family.name] = [
            label
            for label, value in family.qualities.items()
            if (not selection.qualities or label in selection.qualities)
            and (
                not selection.lambdas or any(_equal(wanted, value) for wanted in selection.lambdas)
            )
        ]
        if not chosen[family.name]:
            notes.append(f"{family.name} has none of the qualities asked for: left out")
    if families and not any(chosen.values()):
        raise UsageError("--lic-quality and --lic-lambda together leave no quality of any codec")
    return chosen, notes


def settings_of(selection: Selection) -> tuple[list[Setting], dict[str, str]]:
    """Every setting, and corpus name → what the user called it.

    Raises:
        UsageError: two corpora of one name, or a resolution or batch that is not one.
    """
    corpora: dict[str, str] = {"edge": "edge", CONFORMANCE: CONFORMANCE}
    for spec in selection.corpora:
        name = corpus_name(spec)
        if corpora.setdefault(name, spec) != spec:
            raise UsageError(
                f"--lic-corpus: {corpora[name]} and {spec} are both called {name!r}; "
                "rename one folder"
            )
    for resolution in selection.resolutions:
        if not re.fullmatch(r"native|[1-9][0-9]{0,4}", resolution):
            raise UsageError(
                f"--lic-resolution {resolution!r}: expected 'native' or a number of pixels"
            )
    for batch in selection.batches:
        if batch < 1:
            raise UsageError(f"--lic-batch {batch}: expected 1 or more")
    settings = [
        Setting(corpus_name(spec), resolution, batch, device)
        for device in selection.devices
        for spec in selection.corpora
        for resolution in selection.resolutions
        for batch in selection.batches
    ]
    return list(dict.fromkeys(settings)), corpora


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


def absolute_corpora(corpora: Sequence[str], start: Path) -> tuple[str, ...]:
    """Folder corpora relative to ``start``, as absolute paths; built-in names as they are."""
    return tuple(
        spec if spec in ("photos", "edge") else str((start / Path(spec).expanduser()).resolve())
        for spec in corpora
    )


def _equal(wanted: float, value: float | None) -> bool:
    return value is not None and math.isclose(wanted, value, rel_tol=1e-9)
