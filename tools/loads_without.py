"""A contract for import-linter: importing these modules loads none of those packages.

Its own ``forbidden`` contract also counts the imports within functions, which this house uses on
purpose to load torch as late as possible. Here only those count that run when a module is
imported: followed from module to module, with the packages around each.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from importlinter import Contract, ContractCheck, fields, output

ROOT = Path(__file__).parents[1]


class LoadsWithoutContract(Contract):
    """``modules`` may be imported where none of the packages ``without`` is installed."""

    modules = fields.ListField(subfield=fields.StringField())
    without = fields.SetField(subfield=fields.StringField())

    def check(self, graph: Any, verbose: bool) -> ContractCheck:
        """Follow the imports from each module; keep the first chain to each package."""
        chains = [
            chain
            for module in self.modules  # type: ignore[attr-defined]
            for chain in chains_to(module, self.without)  # type: ignore[call-overload]
        ]
        return ContractCheck(kept=not chains, metadata={"chains": chains})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """One line for each module and package."""
        for chain in check.metadata["chains"]:
            output.print_error(" -> ".join(chain))


def chains_to(module: str, packages: set[str]) -> Iterator[list[str]]:
    """The shortest chains of imports from a module to each of some packages."""
    came_from: dict[str, str | None] = {module: None}
    queue = [module]
    reached: set[str] = set()
    for current in queue:
        for imported in imported_at_once(current):
            top = imported.partition(".")[0]
            if top in packages and top not in reached:
                reached.add(top)
                chain, place = [top], current
                while place is not None:
                    chain.insert(0, place)
                    place = came_from[place]
                yield chain
            elif imported not in came_from and _file(imported) is not None:
                came_from[imported] = current
                queue.append(imported)


def imported_at_once(module: str) -> Iterator[str]:
    """What importing a module imports: the package around it, and all outside functions."""
    file = _file(module)
    assert file is not None, f"no module {module} in this repository"
    if "." in module:
        yield module.rpartition(".")[0]
    for node in _statements(ast.parse(file.read_text(encoding="utf-8")).body):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that run on import: not those of functions, nor for type checkers alone."""
    for node in body:
        yield node
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for part in ("body", "orelse", "finalbody"):
                yield from _statements(getattr(node, part, []))
            for handler in getattr(node, "handlers", []):
                yield from _statements(handler.body)


def _file(module: str) -> Path | None:
    path = ROOT.joinpath(*module.split("."))
    files = (path.with_suffix(".py"), path / "__init__.py")
    return next((file for file in files if file.is_file()), None)
