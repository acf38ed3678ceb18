"""A comparison of two commits in a file, and back; and files that are none."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_lic.ab.json_file import ab_json, load_ab
from pytest_lic.errors import Unavailable, UsageError
from tests.helpers.made_times import compared, written
from tests.helpers.places import ROOT


def test_it_is_the_same_when_read_again(tmp_path: Path) -> None:
    found = compared(1.1, 0.9, 1.0)
    assert load_ab(written(tmp_path, found)) == found


def test_what_earlier_versions_wrote_is_read_and_written_the_same() -> None:
    path = ROOT / "tests" / "data" / "files" / "ab.json"
    text = json.dumps(ab_json(load_ab(path)), indent=1, ensure_ascii=False)
    assert text == path.read_text(encoding="utf-8")


def test_reasons_for_want_of_times_or_of_a_side_are_read_again(tmp_path: Path) -> None:
    found = compared(1.0)
    (cell,) = found.cells
    cells = (
        replace(cell, times=Unavailable("not taken")),
        replace(cell, head=Unavailable("it broke"), quality=None, times=Unavailable("not taken")),
    )
    assert load_ab(written(tmp_path, replace(found, cells=cells))).cells == cells


def test_a_cell_that_is_broken_on_both_sides_is_left_out(tmp_path: Path) -> None:
    found = compared(1.0)
    (cell,) = found.cells
    broken = Unavailable("broke"), Unavailable("broke too")
    gone = replace(cell, base=broken[0], head=broken[1], quality=None, times=Unavailable("none"))
    read = load_ab(written(tmp_path, replace(found, cells=(gone,))))
    assert read.cells == ()
    assert read.left_out[cell.cell.id] == "broken on both sides: broke too"


def huge(stored: dict[str, Any]) -> dict[str, Any]:
    stored["cells"][0]["times"]["seconds"]["encode"] = 10**400
    return stored


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda stored: [], "no comparison of two commits; expected what pytest-lic ab --json"),
        (lambda stored: {"format": 1}, "no comparison of two commits"),
        (lambda stored: stored | {"format": 2}, "of format 2; this pytest-lic reads up to 1"),
        (
            lambda stored: stored | {"cells": [{}]},
            "damaged: $.cells[0]: object missing required field `cell`; expected what",
        ),
        (
            lambda stored: stored | {"base": {"title": "x"}},
            "damaged: $.base: object missing required field `name`",
        ),
        (huge, "damaged: $.cells[0].times.seconds['encode'] is 1000"),
    ],
    ids=["a list", "something else", "newer", "cut", "edited", "huge"],
)
def test_a_file_that_is_none_is_refused_in_one_line(
    tmp_path: Path, change: Callable[[dict[str, Any]], Any], message: str
) -> None:
    path = tmp_path / "ab.json"
    path.write_text(json.dumps(change(ab_json(compared(1.0)))))
    with pytest.raises(UsageError) as raised:
        load_ab(path)
    assert message in str(raised.value)
    assert str(raised.value).startswith(f"--ab {path} is ")
    assert "\n" not in str(raised.value)
