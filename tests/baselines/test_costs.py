"""Costs stand in a family's file beside its entries, and change nothing of those."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_lic.baselines import costs, entries
from pytest_lic.baselines.costs import (
    Complexity,
    Costs,
    Memory,
    MemoryBaseline,
    MemoryKey,
    RecordedComplexity,
    RecordedMemory,
    SideMemory,
)
from pytest_lic.errors import BaselineError
from tests.helpers.measurements import ELSEWHERE, measurement, of

ONE = Complexity({"analysis": 2.5}, {"synthesis": 2.5}, 100, 400)
OTHER = Complexity({"whole": 3.0}, {"whole": 0.0})


def test_what_is_stored_comes_back_and_entries_keep_every_byte(tmp_path: Path) -> None:
    entries.save(tmp_path, "toy", of(measurement()))
    path = tmp_path / "toy.json"
    before = path.read_text()
    assert costs.load(tmp_path, "toy") == Costs()
    kept = Costs({"2": OTHER, "1": ONE})
    entries.save(tmp_path, "toy", entries.load(tmp_path, "toy"), kept=kept)
    assert costs.load(tmp_path, "toy") == kept
    stored = json.loads(path.read_text())
    assert list(stored["complexity"]) == ["1", "2"]
    added = path.read_text().splitlines()
    assert [line for line in before.splitlines() if line not in added] == []
    entries.save(tmp_path, "toy", entries.load(tmp_path, "toy"), kept=Costs())
    assert path.read_text() == before


def test_memory_comes_back_with_the_environment_it_came_from(tmp_path: Path) -> None:
    side = SideMemory({"256": 10, "512": 45}, -3)
    baseline = MemoryBaseline(Memory(side, side), ELSEWHERE)
    kept = Costs(memory={MemoryKey("2", "cuda"): baseline, MemoryKey("2", "cpu"): baseline})
    entries.save(tmp_path, "toy", of(measurement()), kept=kept)
    assert costs.load(tmp_path, "toy") == kept
    recorded = RecordedMemory(tmp_path, tmp_path / "none", frozenset())
    assert recorded.find("toy", MemoryKey("2", "cuda")) == baseline
    assert recorded.find("toy", MemoryKey("1", "cuda")) is None
    stored = json.loads((tmp_path / "toy.json").read_text())
    assert list(stored["memory"]["2"]) == ["cpu", "cuda"]
    del stored["environments"][ELSEWHERE.digest]
    (tmp_path / "toy.json").write_text(json.dumps(stored))
    with pytest.raises(BaselineError, match="is not among the environments"):
        costs.load(tmp_path, "toy")


def test_who_saves_entries_keeps_the_costs(tmp_path: Path) -> None:
    entries.save(tmp_path, "toy", {}, kept=Costs({"1": ONE}))
    entries.save(tmp_path, "toy", of(measurement()))
    assert costs.load(tmp_path, "toy").complexity == {"1": ONE}
    entries.save(tmp_path, "toy", {})
    assert costs.load(tmp_path, "toy").complexity == {"1": ONE}
    entries.save(tmp_path, "toy", {}, kept=Costs())
    assert not (tmp_path / "toy.json").exists()


def test_the_users_own_stands_before_the_shipped(tmp_path: Path) -> None:
    own, shipped = tmp_path / "own", tmp_path / "shipped"
    entries.save(shipped, "toy", {}, kept=Costs({"1": ONE, "2": ONE}))
    entries.save(own, "toy", {}, kept=Costs({"2": OTHER}))
    recorded = RecordedComplexity(own, shipped, frozenset({"toy"}))
    assert [recorded.find("toy", quality) for quality in "123"] == [ONE, OTHER, None]
    assert recorded.families() == ["toy"]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ({"1": {"encoder": {"analysis": -1.0}, "decoder": {}}}, r"complexity\['1'\]\.encoder"),
        ({"1": {"encoder": {}}}, r"complexity\['1'\]: object missing required field `decoder`"),
        ([], r"\$\.complexity"),
    ],
)
def test_damage_is_one_clear_error(tmp_path: Path, damage: object, words: str) -> None:
    entries.save(tmp_path, "toy", {}, kept=Costs({"1": ONE}))
    path = tmp_path / "toy.json"
    stored = json.loads(path.read_text()) | {"complexity": damage}
    path.write_text(json.dumps(stored))
    with pytest.raises(BaselineError, match=rf"toy\.json is damaged: .*{words}"):
        costs.load(tmp_path, "toy")
