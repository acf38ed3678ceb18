"""Which cells are a shard's: all shards together are the grid, even by seconds or by area."""

from __future__ import annotations

import itertools
import tracemalloc
from pathlib import Path

import pytest

from pytest_lic.measuring.gated_grid import make_grid
from pytest_lic.measuring.grid import Grid
from pytest_lic.measuring.selection import Selection
from pytest_lic.measuring.shards import Shard, Sharing
from tests.helpers.grids import FAMILIES, family
from tests.helpers.toy_project import write_photographs

WIDE = Selection(resolutions=("64", "128", "native"), batches=(1, 4), devices=("cpu", "cuda"))


def parts(count: int, selection: Selection = WIDE, **seconds: float) -> list[Grid]:
    sharings = (Sharing(Shard(k, count), seconds) for k in range(1, count + 1))
    return [make_grid(FAMILIES, selection, sharing) for sharing in sharings]


@pytest.mark.parametrize("count", [1, 2, 5, 300])
def test_the_shards_are_the_grid(count: int) -> None:
    whole, shards = make_grid(FAMILIES, WIDE), parts(count)
    together = list(itertools.chain.from_iterable(shard.planned for shard in shards))
    assert sorted(together, key=repr) == sorted(whole.planned, key=repr)
    for shard in shards:
        assert shard.part is not None
        assert shard.part.cells == len(whole.planned)
        assert shard.part.plan == shards[0].part.plan  # type: ignore[union-attr]
    curves = [curve for shard in shards for curve in shard.curves if curve not in shard.part.left]  # type: ignore[union-attr]
    left = {curve for shard in shards for curve in shard.part.left}  # type: ignore[union-attr]
    assert len(curves) == len(set(curves))
    assert {*curves, *left} == set(whole.curves)
    assert left.isdisjoint(curves)


def test_one_shard_is_the_grid_itself() -> None:
    whole, (shard,) = make_grid(FAMILIES, WIDE), parts(1)
    assert (shard.planned, set(shard.curves)) == (whole.planned, set(whole.curves))
    assert shard.part is not None
    assert shard.part.left == frozenset()


def test_qualities_of_one_network_stay_together() -> None:
    families = [family(name, one_network=True) for name in ("a", "b", "c", "d")]
    selection = Selection(corpora=("edge",))
    for number in (1, 2):
        shard = make_grid(families, selection, Sharing(Shard(number, 2)))
        assert len({cell.family for cell in shard.every_cell}) == 2
        assert shard.part is not None
        assert not shard.part.left


def test_what_cells_took_before_makes_shards_even(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    write_photographs(folder, count=1, side=64)
    slow = {f"jpeg-q30-{its}-native-b1-cpu": 100.0 for its in ("images",)}
    selection = Selection(codecs=("jpeg",), corpora=(str(folder),))
    quick = {
        f"jpeg-q{quality}-{its}-native-b1-cpu": 1.0
        for quality, its in itertools.product(("30", "60", "90"), ("images", "edge", "conformance"))
    }
    first = parts(2, selection, **(quick | slow))
    alone = next(shard for shard in first if any(cell.id in slow for cell in shard.every_cell))
    assert [cell.id for cell in alone.every_cell] == list(slow)
    by_area = parts(2, selection)
    assert {len(shard.every_cell) for shard in by_area} != {1, 8}


def test_of_a_million_cells_only_those_of_the_shard_are_made() -> None:
    qualities = {str(number): number / 1000 for number in range(1, 11)}
    families = [family(f"f{number}", qualities=qualities) for number in range(100)]
    sides = tuple(str(side) for side in range(1, 201))
    wide = Selection(corpora=("edge",), resolutions=sides, batches=(1, 2, 4, 8, 16))
    tracemalloc.start()
    try:
        shard = make_grid(families, wide, Sharing(Shard(3, 100)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert shard.part is not None
    assert shard.part.cells == 1_002_000
    assert len(shard.every_cell) == 10_020
    assert peak < 50e6, "a million cells would take hundreds of megabytes"
