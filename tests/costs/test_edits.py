"""Whoever records that coding costs more is seen: each edit of recorded costs is listed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pytest_lic import cli
from pytest_lic.baselines import entries
from pytest_lic.baselines.costs import (
    Complexity,
    Costs,
    Memory,
    MemoryBaseline,
    MemoryKey,
    SideMemory,
)
from pytest_lic.baselines.edits import BaselineFolders, Edit
from pytest_lic.costs.edits import cost_edits
from tests.helpers.ab_project import AbProject
from tests.helpers.measurements import ELSEWHERE, HERE, measurement, of

MIB = 2**20
COMPLEXITY = Complexity({"analysis": 2.0}, {"synthesis": 12.4}, 1000, 4000)
SIDE = SideMemory({"256": 17 * MIB, "512": 67 * MIB}, 0)
MEMORY = MemoryBaseline(Memory(SIDE, SIDE), HERE)


def write(folder: Path, complexity: Complexity | None, memory: MemoryBaseline | None) -> Path:
    """A folder with what coding costs, and an entry."""
    costs = Costs(
        {} if complexity is None else {"1": complexity},
        {} if memory is None else {MemoryKey("1", "cpu"): memory},
    )
    entries.save(folder, "toy", of(measurement()), kept=costs)
    return folder


def edits(
    folder: Path,
    complexity: Complexity | None = COMPLEXITY,
    memory: MemoryBaseline | None = MEMORY,
) -> list[Edit]:
    """What is done by recording these."""
    before = write(folder / "before", COMPLEXITY, MEMORY)
    after = write(folder / "after", complexity, memory)
    return list(cost_edits(BaselineFolders(before, after), 10))


def decoder(large: float, growth: int = 0) -> MemoryBaseline:
    side = SideMemory({"256": 17 * MIB, "512": round(large * MIB)}, growth)
    return replace(MEMORY, memory=Memory(SIDE, side))


def test_what_did_not_change_is_no_edit(tmp_path: Path) -> None:
    assert edits(tmp_path) == []


@pytest.mark.parametrize(
    ("after", "kind", "told"),
    [
        (
            replace(COMPLEXITY, decoder={"synthesis": 13.9}),
            "lowered",
            "decoder, synthesis: 12.4 → 13.9 kMAC/pixel",
        ),
        (
            replace(COMPLEXITY, encoder={"analysis": 1.0}, parameters=1001),
            "lowered",
            "weights: 1000 → 1001 parameters",
        ),
        (replace(COMPLEXITY, encoder={"analysis": 1.0}), "raised", "encoder, analysis: 2 → 1 "),
        (replace(COMPLEXITY, encoder={"whole": 2.0}), "recorded again", "other stages"),
        (
            replace(COMPLEXITY, parameters=None, weight_bytes=None),
            "lowered",
            "weights no longer compared with",
        ),
        (None, "removed", ""),
    ],
)
def test_edits_of_complexity_are_listed(
    tmp_path: Path, after: Complexity | None, kind: str, told: str
) -> None:
    (edit,) = edits(tmp_path, complexity=after)
    assert edit.subject == "toy, quality 1, complexity"
    assert edit.kind == kind
    assert told in edit.reason


@pytest.mark.parametrize(
    ("after", "kind", "told"),
    [
        (decoder(80), "lowered", "decoder, 512×512: 67.0 → 80.0 MiB"),
        (decoder(67, growth=2 * MIB), "lowered", "decoder, kept of each image: 0.0 → 2.0 MiB"),
        (decoder(68), "lowered within tolerance", ""),
        (decoder(40), "raised", "decoder, 512×512: 67.0 → 40.0 MiB"),
        (replace(MEMORY, environment=ELSEWHERE), "recorded again", ""),
        (
            replace(MEMORY, memory=Memory(SIDE, SideMemory({"256": 17 * MIB, "384": 40 * MIB}, 0))),
            "lowered",
            "decoder, 512×512: no longer compared with",
        ),
        (None, "removed", ""),
    ],
)
def test_edits_of_memory_are_listed(
    tmp_path: Path, after: MemoryBaseline | None, kind: str, told: str
) -> None:
    (edit,) = edits(tmp_path, memory=after)
    assert edit.subject == "toy, quality 1, memory on cpu"
    assert edit.kind == kind
    assert told in edit.reason


def test_what_was_recorded_nowhere_is_added(tmp_path: Path) -> None:
    folders = BaselineFolders(
        write(tmp_path / "before", None, None), write(tmp_path / "after", COMPLEXITY, MEMORY)
    )
    assert [edit.kind.value for edit in cost_edits(folders, 10)] == ["added", "added"]


def test_a_branch_that_records_a_slower_codec_lowers_the_bar(
    repository: AbProject, capsys: pytest.CaptureFixture[str]
) -> None:
    write(repository.path / "baselines", COMPLEXITY, MEMORY)
    repository.commit()
    repository.git("branch", "base")
    slower = replace(COMPLEXITY, decoder={"synthesis": 13.9})
    write(repository.path / "baselines", slower, MEMORY)
    assert cli.main(["baselines", "base"]) == 1
    out = capsys.readouterr().out
    assert "lowered: toy, quality 1, complexity: decoder, synthesis: 12.4 → 13.9 kMAC" in out
