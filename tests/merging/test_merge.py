"""Shards merged are the run of one machine; a failed shard fails the whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_lic.merging import merge as merging
from pytest_lic.merging.merge import merge
from pytest_lic.results.json_file import load, to_json
from pytest_lic.results.results import Results, TestResult
from tests.helpers.toy_project import Project

LONGER = """
class Longer(Toy):
    def code(self, levels):
        symbols = levels.numpy().astype(np.uint8)
        return zlib.compress(np.diff(symbols, axis=2, prepend=np.uint8(0)).tobytes(), 1)
"""
BROKEN = """
class Broken(Toy):
    def encode(self, images):
        if self.step == 20:
            raise RuntimeError("no quality 3 today")
        return super().encode(images)
"""


def shards_of(project: Project, count: int, *arguments: str) -> dict[str, Results]:
    files = [project.path / f"{number}.json" for number in range(1, count + 1)]
    for number, file in enumerate(files, 1):
        project.run(*arguments, f"--lic-shard={number}/{count}", f"--lic-json={file}")
    return {file.name: load(file) for file in files}


def one_run(project: Project, *arguments: str) -> Results:
    file = project.path / "one.json"
    project.run(*arguments, f"--lic-json={file}")
    return load(file)


def told(results: Results) -> dict[str, Any]:
    """What a results file says, but for when and by which command."""
    stored = to_json(results)
    del stored["created"], stored["run"]["command"]
    for test in stored["tests"]:
        del test["seconds"]
    return json.loads(json.dumps(stored))


def check_alike(project: Project, count: int, *arguments: str) -> Results:
    whole = one_run(project, *arguments)
    merged = merge(shards_of(project, count, *arguments), ("pytest-lic", "merge"))
    assert told(merged) == told(whole)
    return merged


@pytest.mark.parametrize("count", [1, 2, 7])
def test_shards_that_pass_are_one_run(small: Project, count: int) -> None:
    small.run("-m", "rd", "--lic-update")
    chosen = ("-m", "rd or roundtrip", "--lic-anchor=toy,bpg-444")
    merged = check_alike(small, count, *chosen)
    assert merged.run.exit_status == 0
    assert merged.shard is None
    (curve,) = merged.curves
    assert curve.comparison.verdict == "same"


@pytest.mark.parametrize("count", [1, 2, 7])
def test_shards_with_a_regression_are_one_run(small: Project, count: int) -> None:
    small.run("-m", "rd", "--lic-update")
    small.write_codec(LONGER, "Longer")
    merged = check_alike(small, count, "-m", "rd")
    assert merged.run.exit_status == 1
    (curve,) = merged.curves
    assert curve.comparison.verdict == "regressed"
    assert merged.crops, "what regressed is shown"


@pytest.mark.parametrize("count", [2, 7])
def test_a_point_that_breaks_breaks_its_curve(small: Project, count: int) -> None:
    small.run("-m", "rd", "--lic-update")
    small.write_codec(BROKEN, "Broken")
    merged = check_alike(small, count, "-m", "rd")
    assert merged.curves == ()
    assert merged.run.exit_status == 1


def test_shards_without_baselines_are_one_run(small: Project) -> None:
    merged = check_alike(small, 2, "-m", "rd", "--lic-bd=psnr,ms_ssim", "--lic-require=bd_rate")
    (curve,) = [test for test in merged.tests if "curve" in test.id]
    assert "bd_rate is required, but" in curve.text


def failing_one(project: Project) -> dict[str, Results]:
    """Seven shards, of which those of quality 3 alone fail, and no curve does."""
    project.run("-m", "roundtrip")
    project.write_codec(BROKEN, "Broken")
    return shards_of(project, 7, "-m", "roundtrip")


def ignoring_failed(shards: Iterable[Results], curve_tests: Iterable[TestResult]) -> int:
    """A merge's exit status that passes over the shards that failed."""
    passed = [shard for shard in shards if shard.run.exit_status != 1]
    return merging_exit_status(passed, curve_tests)


merging_exit_status: Callable[..., int] = merging.exit_status


def check_failure_counts(shards: dict[str, Results]) -> None:
    statuses = [results.run.exit_status for results in shards.values()]
    assert set(statuses) == {0, 1}
    assert merge(shards, ()).run.exit_status == 1


def test_a_merge_that_ignores_a_failed_shard_is_caught(
    small: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    shards = failing_one(small)
    check_failure_counts(shards)
    monkeypatch.setattr(merging, "exit_status", ignoring_failed)
    with pytest.raises(AssertionError):
        check_failure_counts(shards)


def test_what_failed_a_shard_after_its_tests_is_told(small: Project, tmp_path: Path) -> None:
    shards = shards_of(small, 2, "-m", "roundtrip")
    late = shards["2.json"]
    shards["2.json"] = replace(late, run=replace(late.run, exit_status=1, failure="disk full"))
    merged = merge(shards, ())
    assert merged.run.failure == "shard 2/2 (2.json): disk full"
    assert merged.run.exit_status == 1
