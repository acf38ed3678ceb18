"""What a run records of costs, and what it finds stale."""

from __future__ import annotations

from pathlib import Path

from pytest_lic.adapters.pillow import pillow_family
from pytest_lic.baselines import costs, entries
from pytest_lic.baselines.comparison import Comparison, Verdict
from pytest_lic.baselines.costs import (
    Complexity,
    Costs,
    Memory,
    MemoryBaseline,
    MemoryKey,
    SideMemory,
)
from pytest_lic.project.discovery import Families
from pytest_lic.results.results import ComplexityResult, MemoryResult
from pytest_lic.run.update_costs import prune, record, stale
from tests.helpers.measurements import HERE, measurement, of

ONE, OTHER = Complexity({"whole": 1.0}, {"whole": 2.0}), Complexity({"whole": 1.0}, {"whole": 3.0})
SIDE = SideMemory({"256": 10, "512": 45}, 0)
MEMORY = Memory(SIDE, SIDE)


def counted(verdict: Verdict, measured: Complexity | None, quality: str = "1") -> ComplexityResult:
    baseline = None if verdict is Verdict.NEW else ONE
    return ComplexityResult(
        Comparison(f"toy-q{quality}", verdict, ""), "toy", quality, measured, baseline
    )


def test_what_is_recorded_nowhere_is_recorded_and_what_changed_only_where_asked(
    tmp_path: Path,
) -> None:
    new, worse = counted(Verdict.NEW, ONE), counted(Verdict.REGRESSED, OTHER, "2")
    lines = record(tmp_path, [new, worse], set(), update=False)
    assert [line.split(": ")[:2] for line in lines] == [
        ["toy, quality 1, complexity", "first recorded"]
    ]
    assert costs.load(tmp_path, "toy").complexity == {"1": ONE}
    record(tmp_path, [worse], set(), update=True)
    assert costs.load(tmp_path, "toy").complexity == {"1": ONE, "2": OTHER}


def test_what_was_lost_is_recorded_no_longer_and_what_is_broken_never(tmp_path: Path) -> None:
    entries.save(tmp_path, "toy", {}, kept=Costs({"1": ONE}))
    assert record(tmp_path, [counted(Verdict.NEW, OTHER, "2")], {("toy", "2")}, update=True) == []
    (line,) = record(tmp_path, [counted(Verdict.REGRESSED, None)], set(), update=True)
    assert line == "toy, quality 1, complexity: regressed: none"
    assert not (tmp_path / "toy.json").exists()


def test_memory_is_recorded_with_its_device_and_environment(tmp_path: Path) -> None:
    new = Comparison("toy-q1", Verdict.NEW, "")
    result = MemoryResult(new, "toy", "1", "cuda:1", MEMORY, None, HERE)
    record(tmp_path, [result], set(), update=False)
    recorded = costs.load(tmp_path, "toy").memory
    assert recorded == {MemoryKey("1", "cuda"): MemoryBaseline(MEMORY, HERE)}


def test_costs_of_what_is_gone_are_stale_and_pruned(tmp_path: Path) -> None:
    memory = {MemoryKey("20", "cpu"): MemoryBaseline(MEMORY, HERE)}
    kept = Costs({"40": ONE, "10": ONE}, memory)
    entries.save(tmp_path, "mine", of(measurement(family="mine", quality="40")), kept=kept)
    entries.save(tmp_path, "gone", {}, kept=Costs({"1": ONE}))
    families = Families({"mine": pillow_family("mine", "JPEG", (40,))}, frozenset())
    found = stale(tmp_path, families)
    assert [one.text for one in found] == [
        "gone, quality 1, costs: no codec has this name",
        "mine, quality 10, costs: quality 10 is gone",
        "mine, quality 20, costs: quality 20 is gone",
    ]
    prune(tmp_path, found)
    assert costs.load(tmp_path, "mine") == Costs({"40": ONE})
    assert len(entries.load(tmp_path, "mine")) == 1
    assert not (tmp_path / "gone.json").exists()
