"""What is never recorded of a run's results."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pytest_lic.baselines.entries import Baselines
from pytest_lic.errors import ResultsError
from pytest_lic.merging.record import record
from pytest_lic.results.json_file import load
from pytest_lic.results.results import Results
from tests.helpers.toy_project import Project


def whole(project: Project, *arguments: str) -> Results:
    file = project.path / "whole.json"
    project.run("-m", "rd", f"--lic-json={file}", *arguments)
    return load(file)


def into(folder: Path) -> Baselines:
    return Baselines(folder, folder / "none", frozenset())


@pytest.mark.parametrize("status", [2, 3])
def test_a_run_that_did_not_end_is_refused(small: Project, status: int, tmp_path: Path) -> None:
    results = whole(small)
    cut = replace(results, run=replace(results.run, exit_status=status))
    with pytest.raises(ResultsError, match=rf"all.json: the run did not .* status {status}"):
        record(cut, into(tmp_path / "new"), "all.json")
    assert not (tmp_path / "new").exists()


def test_two_cells_of_one_baseline_are_refused(small: Project, tmp_path: Path) -> None:
    results = whole(small, "--lic-batch=1,2")
    with pytest.raises(ResultsError, match=r"toy-q1-images-native-b1-cpu and .*-b2-cpu have one"):
        record(results, into(tmp_path / "new"), "all.json")
    assert not (tmp_path / "new").exists()


def test_what_died_without_a_word_is_not_recorded(small: Project, tmp_path: Path) -> None:
    results = whole(small)
    tests = [
        replace(test, outcome="failed", checks=("determinism",)) if "q2" in test.id else test
        for test in results.tests
    ]
    lines = record(replace(results, tests=tuple(tests)), into(tmp_path / "new"), "all.json")
    assert "toy, quality 2: not recorded, its round trip or another check failed" in lines
    assert '"quality": "2"' not in (tmp_path / "new" / "toy.json").read_text()
