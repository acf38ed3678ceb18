"""How the shipped suites are collected: always as ``pytest_lic.suites.*``.

Whatever ``python_files`` says, and whatever package of the user's is called ``suites``: the folder
is collected by a collector of its own, and its modules are imported by their full name.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest

from pytest_lic.grid import Cell, Curve, Grid

PACKAGE = "pytest_lic.suites"


class SuiteFolder(pytest.Directory):
    """The installed folder of the suites."""

    def collect(self) -> Iterator[pytest.Collector]:
        """One module per ``test_*.py``; its tests can be named on the command line by their ids."""
        for path in sorted(self.path.glob("test_*.py")):
            yield SuiteModule.from_parent(self, path=path, nodeid=f"{PACKAGE}.{path.stem}")


class SuiteModule(pytest.Module):
    """One of the suites, imported under its full name."""

    def _getobj(self) -> ModuleType:
        return importlib.import_module(f"{PACKAGE}.{self.path.stem}")


class PluginFolder(pytest.Directory):
    """The plugin's own package, when a wheel holds the suites inside it."""

    def collect(self) -> Iterator[pytest.Collector]:
        """Only the suites."""
        yield SuiteFolder.from_parent(self, path=suites_folder())


@cache
def suites_folder() -> Path:
    """Where the suites are installed."""
    spec = find_spec(PACKAGE)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


def collect_directory(path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """The collector of ``path`` if it is the suites' folder, or the package around it."""
    folder = suites_folder()
    if path == folder:
        return SuiteFolder.from_parent(parent, path=path)
    if path == folder.parent and path.name == "pytest_lic":
        return PluginFolder.from_parent(parent, path=path)
    return None


def wants_suites(config: pytest.Config) -> bool:
    """Whether the command line names the suites, or one of them."""
    folder = suites_folder()
    start = config.invocation_params.dir
    for argument in config.args:
        name = argument.split("::")[0]
        if name == PACKAGE or name.startswith(f"{PACKAGE}."):
            return True
        path = (start / name).resolve()
        if path == folder or folder in path.parents:
            return True
    return False


def parametrize(metafunc: pytest.Metafunc, grid: Grid) -> None:
    """Spread a test that takes ``lic_cell`` or ``lic_curve`` over the grid.

    A test marked ``roundtrip`` also gets the cells of the ``edge`` corpus.
    """
    if "lic_cell" in metafunc.fixturenames:
        cells = list(grid.cells)
        if metafunc.definition.get_closest_marker("roundtrip") is not None:
            cells += grid.edge_cells
        _spread(metafunc, "lic_cell", cells, "no codec is on the grid")
    if "lic_curve" in metafunc.fixturenames:
        _spread(metafunc, "lic_curve", grid.curves, "the grid holds no codec with all qualities")


def _spread(
    metafunc: pytest.Metafunc, name: str, subjects: Sequence[Cell | Curve], if_none: str
) -> None:
    """One test per subject; where there is none, one that is skipped and says why."""
    if subjects:
        metafunc.parametrize(name, subjects, ids=[subject.id for subject in subjects])
    else:
        skipped = pytest.param(None, marks=pytest.mark.skip(reason=if_none), id="none")
        metafunc.parametrize(name, [skipped])


def subject(item: pytest.Item) -> Cell | Curve | None:
    """The cell or curve that a test is about, if it is about one."""
    callspec = getattr(item, "callspec", None)
    if callspec is None:
        return None
    found = callspec.params.get("lic_cell") or callspec.params.get("lic_curve")
    return found if isinstance(found, Cell | Curve) else None


def sort_items(items: list[pytest.Item], grid: Grid) -> None:
    """Other tests first, then network by network and cell by cell, then the curves."""
    networks = {name: place for place, name in enumerate(dict.fromkeys(grid.networks.values()))}
    cells = {cell: place for place, cell in enumerate((*grid.cells, *grid.edge_cells))}

    def place(item: pytest.Item) -> tuple[int, int, int]:
        found = subject(item)
        if isinstance(found, Cell) and found in cells:
            return 1, networks[grid.networks[found.id]], cells[found]
        return (2, 0, 0) if isinstance(found, Curve) else (0, 0, 0)

    items.sort(key=place)
