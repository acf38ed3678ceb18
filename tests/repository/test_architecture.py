"""The map of the house is the house: every folder has its line, and every file its own."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.helpers.places import ROOT

ROOMS = sorted(
    path.parent
    for top in ("pytest_lic", "lic_models")
    for path in (ROOT / top).rglob("__init__.py")
)


def test_map_has_one_line_for_each_folder() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = re.findall(r"^\| `([a-z_/]+)/` \| .+ \|$", text, re.MULTILINE)
    assert sorted(named) == [str(room.relative_to(ROOT)) for room in ROOMS]


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: str(room.relative_to(ROOT)))
def test_folder_has_one_line_for_each_file(room: Path) -> None:
    """A line that begins with the file's or folder's name, in the docstring of its ``__init__``."""
    files = {path.stem for path in room.glob("*.py")} - {"__init__", "__main__"}
    files |= {path.parent.name for path in room.glob("*/__init__.py")}
    docstring = ast.get_docstring(ast.parse((room / "__init__.py").read_text(encoding="utf-8")))
    named = re.findall(r"^ *([a-z_0-9]+)  +\S", docstring or "", re.MULTILINE)
    assert sorted(named) == sorted(files)
