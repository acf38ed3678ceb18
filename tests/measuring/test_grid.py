"""Cells and curves are values with readable ids, and a grid of very many is cheap."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from pytest_lic.errors import UsageError
from pytest_lic.measuring.grid import Cell, Curve, Setting, plan
from tests.helpers.grids import family, grid


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        (Setting("photos"), "photos-native-b1-cpu"),
        (Setting("photos", "256", 4, "cpu"), "photos-256px-b4-cpu"),
        (Setting("kodak", "native", 1, "cuda:1"), "kodak-native-b1-cuda1"),
    ],
)
def test_ids_are_readable_and_stay_as_they_are(setting: Setting, expected: str) -> None:
    assert Cell("msh-gsdn", "3", setting).id == f"msh-gsdn-q3-{expected}"
    assert Curve("msh-gsdn", setting).id == f"msh-gsdn-{expected}"


def test_cells_are_values() -> None:
    cell = Cell("msh-gsdn", "3", Setting("photos", "256"))
    assert cell == Cell("msh-gsdn", "3", Setting("photos", "256"))
    assert len({cell, Cell("msh-gsdn", "3", Setting("photos", "256"))}) == 1


def test_ids_are_unique_over_a_whole_grid() -> None:
    whole = grid(
        corpora=("photos", "edge", "/data/kodak"),
        resolutions=("native", "64", "256"),
        batches=(1, 4),
        devices=("cpu", "cuda", "cuda:0"),
    )
    ids = [subject.id for subject in (*whole.every_cell, *whole.curves)]
    assert len(set(ids)) == len(ids)


def test_names_that_would_give_two_cells_one_id_are_an_error() -> None:
    with pytest.raises(
        UsageError, match=r"quality 1-q2 of a and quality 2 of a-q1 are both called a-q1-q2-photos"
    ):
        grid(family("a", qualities=["1-q2"]), family("a-q1", qualities=["2"]))
    with pytest.raises(UsageError, match=r"quality 1 of a and the curve of a-q1 are both called"):
        grid(family("a", qualities=["1"]), family("a-q1", qualities=["x"]))


def test_a_hundred_thousand_cells_take_seconds() -> None:
    families = [
        family(f"codec{number}", qualities=[str(q) for q in range(50)]) for number in range(1000)
    ]
    start = time.process_time()
    whole = grid(*families, resolutions=("native", "256"))
    assert len(whole.of("rate")) == 100_000
    assert time.process_time() - start < 10


def test_making_a_grid_loads_no_torch() -> None:
    code = "import sys, pytest_lic.measuring.grid; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_cell_of_two_purposes_stands_once_where_it_is_first() -> None:
    cells = [Cell("jpeg", quality, Setting("photos")) for quality in ("30", "60", "90")]
    planned = plan({"rate": cells[:2], "time": [cells[1], cells[2]]})
    assert planned == (
        (cells[0], {"rate"}),
        (cells[1], {"rate", "time"}),
        (cells[2], {"time"}),
    )
