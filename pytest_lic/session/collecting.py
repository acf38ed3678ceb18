"""Collects the shipped suites, always as ``pytest_lic.suites.*``, and spreads them over the grid.

Whatever ``python_files`` says, and whatever package of the user's is called ``suites``: the folder
is collected by a collector of its own, and its modules are imported by their full name.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType

import pytest

from pytest_lic.measuring.grid import Cell, Curve, Grid, Purpose
from pytest_lic.project.asked_for import (
    MEMORY,
    PACKAGE,
    PROPERTIES,
    suites_folder,
    wants_properties,
)
from pytest_lic.project.under_test import FIXTURES, spread
from pytest_lic.rate_matching import target_of
from pytest_lic.timing.clock import Clock, device_named

_ONE_A_QUALITY = ("conformance", "hostile", "complexity", "memory")
TIMED, COMPARED = "lic_timed_cell", "lic_compared_cell"
SUBJECTS = ("lic_cell", "lic_curve", TIMED, COMPARED)
"""The fixtures that stand for a place on the grid."""


class SuiteFolder(pytest.Directory):
    """The installed folder of the suites, or a folder in it."""

    def collect(self) -> Iterator[pytest.Collector]:
        """One module per ``test_*.py``; its tests can be named on the command line by their ids."""
        for path in sorted(self.path.glob("test_*.py")):
            yield SuiteModule.from_parent(self, path=path, nodeid=_module_name(path))
        for path in sorted(self.path.glob("*/__init__.py")):
            if path.parent.name != PROPERTIES or wants_properties(self.config):
                yield SuiteFolder.from_parent(self, path=path.parent)


class SuiteModule(pytest.Module):
    """One of the suites, imported under its full name."""

    def _getobj(self) -> ModuleType:
        return importlib.import_module(_module_name(self.path))


class PluginFolder(pytest.Directory):
    """The plugin's own package, when a wheel holds the suites inside it."""

    def collect(self) -> Iterator[pytest.Collector]:
        """Only the suites."""
        yield SuiteFolder.from_parent(self, path=suites_folder())


def _module_name(path: Path) -> str:
    """Such as ``pytest_lic.suites.properties.test_coders``."""
    parts = path.relative_to(suites_folder()).with_suffix("").parts
    return ".".join([PACKAGE, *parts])


def collect_directory(path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """The collector of ``path`` if it is the suites' folder, or the package around it."""
    folder = suites_folder()
    if path == folder or (path.parent == folder and (path / "__init__.py").is_file()):
        return SuiteFolder.from_parent(parent, path=path)
    if path == folder.parent and path.name == "pytest_lic":
        return PluginFolder.from_parent(parent, path=path)
    return None


def tests_properties(item: pytest.Item) -> bool:
    """Whether a test is about what is registered to be tested, and no codec."""
    return bool(set(FIXTURES) & set(_fixtures(item)))


def take_out(items: list[pytest.Item], fixture: str) -> list[pytest.Item]:
    """Take the tests that use a fixture out of ``items``; returns them."""
    removed = [item for item in items if fixture in _fixtures(item)]
    items[:] = [item for item in items if fixture not in _fixtures(item)]
    return removed


def take_out_memory(items: list[pytest.Item]) -> list[pytest.Item]:
    """Take the tests that measure memory out of ``items``; returns them."""
    removed = [item for item in items if measures_memory(item)]
    items[:] = [item for item in items if not measures_memory(item)]
    return removed


def measures_memory(item: pytest.Item) -> bool:
    """Whether a test is about a codec's memory, by our marker of that name."""
    return "lic" in _fixtures(item) and item.get_closest_marker(MEMORY) is not None


def take_out_other_shards(items: list[pytest.Item], grid: Grid) -> list[pytest.Item]:
    """Take the tests without a place on the grid out of all shards but the first."""
    if grid.part is None or grid.part.shard.number == 1:
        return []
    removed = [item for item in items if not set(SUBJECTS) & set(_fixtures(item))]
    items[:] = [item for item in items if set(SUBJECTS) & set(_fixtures(item))]
    return removed


def is_left(item: pytest.Item, grid: Grid) -> bool:
    """Whether a test is about a curve that has points in other shards."""
    return grid.part is not None and subject(item) in grid.part.left


def takes_times(item: pytest.Item) -> bool:
    """Whether a test is about a cell to be timed."""
    return TIMED in _fixtures(item)


def _fixtures(item: pytest.Item) -> Sequence[str]:
    names: Sequence[str] = getattr(item, "fixturenames", ())
    return names


def parametrize(metafunc: pytest.Metafunc, grid: Grid) -> None:
    """Spread a test that takes one of `SUBJECTS` over the grid.

    A test marked ``roundtrip`` also gets the cells of the ``edge`` corpus, one marked with one of
    `_ONE_A_QUALITY` those of the kept bitstreams alone: one for each quality and device. A
    benchmark on a GPU gets a timer that waits for it.
    """
    marked = metafunc.definition.get_closest_marker
    purposes: list[Purpose] = ["rate"]
    if any(marked(name) for name in _ONE_A_QUALITY):
        purposes = ["conformance"]
    if marked("roundtrip"):
        purposes.append("edge")
    untrained = "no trained codec is on the grid"
    if any(target_of(cell.quality) is not None for cell in grid.of("rate")):
        untrained = "at target rates only rate, quality and round trips are looked at"
    places: Mapping[str, tuple[Sequence[Cell | Curve], str]] = {
        "lic_cell": (grid.of(*purposes), untrained),
        "lic_curve": (grid.curves, "the grid holds no codec with all qualities"),
        COMPARED: (grid.of("rate"), untrained),
        TIMED: (grid.of("time"), "no codec is timed"),
    }
    for fixture in SUBJECTS:
        if fixture in metafunc.fixturenames:
            subjects, if_none = places[fixture]
            params = [
                pytest.param(subject, id=subject.id, marks=_timer(subject, fixture))
                for subject in subjects
            ]
            spread(metafunc, fixture, params, if_none)


def _timer(subject: Cell | Curve, fixture: str) -> Sequence[pytest.MarkDecorator]:
    """For a benchmark on a GPU, what makes pytest-benchmark wait for it."""
    device = subject.setting.device
    if fixture != TIMED or device == "cpu":
        return ()
    return (pytest.mark.benchmark(timer=Clock(device_named(device))),)


def subject(item: pytest.Item) -> Cell | Curve | None:
    """The cell or curve that a test is about, if it is about one."""
    callspec = getattr(item, "callspec", None)
    if callspec is None:
        return None
    parameters = (callspec.params.get(name) for name in SUBJECTS)
    return next((value for value in parameters if isinstance(value, Cell | Curve)), None)


def sort_items(items: list[pytest.Item], grid: Grid) -> None:
    """Other tests first, then network by network and cell by cell, then the curves.

    The times of a cell come after all else that is asked of its network's cells.
    """
    networks = {name: place for place, name in enumerate(dict.fromkeys(grid.networks.values()))}
    cells = {cell: place for place, cell in enumerate(grid.every_cell)}

    def place(item: pytest.Item) -> tuple[int, int, bool, int]:
        asked_of = subject(item)
        if isinstance(asked_of, Cell) and asked_of in cells:
            return 1, networks[grid.network(asked_of)], takes_times(item), cells[asked_of]
        return (2 if isinstance(asked_of, Curve) else 0), 0, False, 0

    items.sort(key=place)


def bracketed(nodeid: str) -> str:
    """What stands between the brackets of a parametrized test's id."""
    _, bracket, rest = nodeid.rpartition("[")  # the last: a folder's name may have brackets too
    return rest[:-1] if bracket and rest.endswith("]") else ""
