"""Shards merged are the run of one machine; a failed shard fails the whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_lic.errors import ResultsError
from pytest_lic.merging import merge as merging
from pytest_lic.merging.shard_results import ShardResults
from pytest_lic.results.json_file import load, to_json, to_text
from pytest_lic.results.long_file import KeptTest
from pytest_lic.results.results import Results
from pytest_lic.results.shard_facts import LEFT
from tests.helpers.merging import merged
from tests.helpers.toy_project import Project

LONGER = """
class Longer(Toy):
    def code(self, levels):
        symbols = levels.numpy().astype(np.uint8)
        return zlib.compress(np.diff(symbols, axis=2, prepend=np.uint8(0)).tobytes(), 1)
"""
DIFFERENCE = {"metric": "beauty", "image": None, "interval": None} | dict.fromkeys(
    ("baseline", "measured", "worse_by", "tolerance"), 1.0
)
BROKEN = """
class Broken(Toy):
    def encode(self, images):
        if self.step == 20:
            raise RuntimeError("no quality 3 today")
        return super().encode(images)
"""


def shards_of(project: Project, count: int, *arguments: str) -> dict[str, Path]:
    files = [project.path / f"{number}.json" for number in range(1, count + 1)]
    for number, file in enumerate(files, 1):
        project.run(*arguments, f"--lic-shard={number}/{count}", f"--lic-json={file}")
    return {file.name: file for file in files}


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
    shards = shards_of(project, count, *arguments)
    of_files = merged(shards)
    assert told(of_files) == told(whole)
    assert merged({name: load(file) for name, file in shards.items()}) == of_files
    return of_files


@pytest.mark.parametrize("count", [1, 2, 7])
def test_shards_that_pass_are_one_run(small: Project, count: int) -> None:
    small.run("-m", "rd", "--lic-update")
    chosen = ("-m", "rd or roundtrip", "--lic-anchor=toy,bpg-444")
    whole = check_alike(small, count, *chosen)
    assert whole.run.exit_status == 0
    assert whole.shard is None
    (curve,) = whole.curves
    assert curve.comparison.verdict == "same"


@pytest.mark.parametrize("count", [1, 2, 7])
def test_shards_with_a_regression_are_one_run(small: Project, count: int) -> None:
    small.run("-m", "rd", "--lic-update")
    small.write_codec(LONGER, "Longer")
    whole = check_alike(small, count, "-m", "rd")
    assert whole.run.exit_status == 1
    (curve,) = whole.curves
    assert curve.comparison.verdict == "regressed"
    assert whole.crops, "what regressed is shown"


@pytest.mark.parametrize("count", [2, 7])
def test_a_point_that_breaks_breaks_its_curve(small: Project, count: int) -> None:
    small.run("-m", "rd", "--lic-update")
    small.write_codec(BROKEN, "Broken")
    whole = check_alike(small, count, "-m", "rd")
    assert whole.curves == ()
    assert whole.run.exit_status == 1


def test_shards_without_baselines_are_one_run(small: Project) -> None:
    whole = check_alike(small, 2, "-m", "rd", "--lic-bd=psnr,ms_ssim", "--lic-require=bd_rate")
    (curve,) = [test for test in whole.tests if "curve" in test.id]
    assert "bd_rate is required, but" in curve.text


def failing_one(project: Project) -> dict[str, Path]:
    """Seven shards, of which those of quality 3 alone fail, and no curve does."""
    project.run("-m", "roundtrip")
    project.write_codec(BROKEN, "Broken")
    return shards_of(project, 7, "-m", "roundtrip")


def ignoring_failed(shards: Iterable[ShardResults], curve_tests: Iterable[KeptTest]) -> int:
    """A merge's exit status that passes over the shards that failed."""
    passed = [shard for shard in shards if shard.run.exit_status != 1]
    return merging_exit_status(passed, curve_tests)


merging_exit_status: Callable[..., int] = merging.exit_status


def check_failure_counts(shards: dict[str, Path]) -> None:
    statuses = [load(file).run.exit_status for file in shards.values()]
    assert set(statuses) == {0, 1}
    assert merged(shards).run.exit_status == 1


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
    late = load(shards["2.json"])
    failed = replace(late, run=replace(late.run, exit_status=1, failure="disk full"))
    whole = merged({**shards, "2.json": failed})
    assert whole.run.failure == "shard 2/2 (2.json): disk full"
    assert whole.run.exit_status == 1


def test_what_a_file_of_any_layout_says_is_merged(small: Project) -> None:
    shards = shards_of(small, 2, "-m", "rd")
    before = merged(shards)
    file = shards["2.json"]
    stored = json.loads(file.read_text())
    assert stored["points"], "something is to be found again"
    last_first = {key: stored[key] for key in reversed(stored)}
    file.write_text(json.dumps(last_first))
    assert merged(shards) == before


def test_texts_that_are_no_utf8_are_merged(small: Project) -> None:
    shards = shards_of(small, 2, "-m", "rd")
    file = shards["1.json"]
    results = load(file)
    points = [test for test in results.tests if LEFT not in test.text]
    strange = tuple(replace(test, text="no file w\udce9ights") for test in points)
    changed = to_text(replace(results, tests=strange))
    file.write_text(changed, encoding="utf-8", errors="backslashreplace")
    assert r"w\udce9ights" in file.read_text()
    texts = {test.id: test.text for test in merged(shards).tests}
    assert {texts[test.id] for test in strange} == {"no file w\udce9ights"}


def test_a_point_that_is_damaged_is_named(small: Project) -> None:
    shards = shards_of(small, 2, "-m", "rd")
    file = shards["2.json"]
    stored = json.loads(file.read_text())
    stored["points"][0]["measured"]["batch"] = "four"
    file.write_text(json.dumps(stored))
    with pytest.raises(ResultsError, match=r"2\.json is damaged: \$\.points\[0\].measured.batch"):
        merged(shards)
    stored["points"][0]["measured"] |= {"batch": 1, "environment": "elsewhere"}
    file.write_text(json.dumps(stored))
    with pytest.raises(ResultsError, match="'elsewhere' is not among the environments"):
        merged(shards)
    stored["points"][0]["measured"] = None
    stored["points"][0]["comparison"]["differences"] = [DIFFERENCE]
    file.write_text(json.dumps(stored))
    with pytest.raises(ResultsError, match="'beauty': no metric of that name"):
        merged(shards)
