"""A run over several shards: each test in one of them, curves left to the merge, and said so."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from pytest_lic.results.json_file import load
from tests.helpers.merging import merged
from tests.helpers.toy_project import Project

NEVER_RUN = """
import pathlib


class NeverRun(Toy):
    def __init__(self, quality):
        pathlib.Path("ran").touch()
        super().__init__(quality)
"""


def collected(project: Project, *arguments: str) -> Counter[str]:
    result = project.run("--collect-only", "-q", *arguments)
    return Counter(line for line in result.stdout.lines if "::" in line)


@pytest.mark.parametrize("count", [1, 2, 7])
def test_each_test_of_a_cell_is_in_one_shard(small: Project, count: int) -> None:
    whole = collected(small)
    parts = [collected(small, f"--lic-shard={k}/{count}") for k in range(1, count + 1)]
    together: Counter[str] = sum(parts, Counter())
    curves = {name for name in together if "test_curve" in name and "[none]" not in name}
    nothing = {name for name in together if "[none]" in name}
    assert +Counter({name: n for name, n in together.items() if name not in curves | nothing}) == (
        Counter({name: n for name, n in whole.items() if name not in curves})
    )
    assert curves == {name for name in whole if "test_curve" in name}


def test_a_curve_of_several_shards_is_left_to_the_merge(small: Project) -> None:
    file = small.path / "shard.json"
    result = small.run("-m", "rd", "--lic-shard=1/2", f"--lic-json={file}")
    result.stdout.fnmatch_lines(
        ["lic: shard 1/2: * of 15 cells; 1 curve with points in other shards is left to *merge"]
    )
    results = load(file)
    assert results.curves == ()
    (curve,) = [test for test in results.tests if "test_curve" in test.id]
    assert curve.outcome == "skipped"
    assert "left to pytest-lic merge" in curve.text
    assert results.shard is not None
    assert (results.shard.name, results.shard.whole) == ("1/2", 15)
    assert [left.curve.id for left in results.shard.left] == ["toy-images-native-b1-cpu"]
    assert 0 < len(results.points) < 5


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ("--lic-shard=17/16", "*--lic-shard 17/16: there is no shard 17/16: expected 1/16 to 16*"),
        ("--lic-shard=0/16", "*there is no shard 0/16*"),
        ("--lic-shard=1/0", "*there is no shard 1/0: expected such as 3/16*"),
        ("--lic-shard=three", "*--lic-shard 'three': expected such as 3/16*"),
        ("--lic-shard=-1/2", "*--lic-shard '-1/2': expected such as 3/16*"),
        ("--lic-shard=1/2 --lic-update", "*--lic-update: a shard sees a part of the grid*"),
        ("--lic-shard=1/2 --lic-prune", "*--lic-prune*"),
        ("--lic-shard=1/2 --lic-milestone=HEAD", "*--lic-milestone: a shard leaves curves*"),
        ("--lic-shard=1/2 -m timing", "*times of several machines*"),
        ("--lic-shard=1/2 --lic-anchor=webp", "*--lic-anchor webp: pytest-lic merge takes*"),
    ],
)
def test_what_no_shard_can_do_is_said_at_once(small: Project, arguments: str, error: str) -> None:
    result = small.run(*arguments.split())
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([error])


def test_a_shard_names_no_baseline_of_others_stale(small: Project) -> None:
    assert small.run("-m", "rd", "--lic-update").ret == 0
    for part in ("1/2", "2/2"):
        result = small.run("-m", "rd", f"--lic-shard={part}")
        assert result.ret == 0, result.stdout.str()
        result.stdout.no_fnmatch_line("*stale (*")


def test_a_shard_without_cells_passes(small: Project, tmp_path: Path) -> None:
    small.run("-m", "rd", "--lic-update")
    counts = []
    for number in range(1, 18):
        file = tmp_path / f"{number}.json"
        result = small.run("-m", "rd", f"--lic-shard={number}/17", f"--lic-json={file}")
        assert result.ret == 0, result.stdout.str()
        facts = load(file).shard
        assert facts is not None
        counts.append(facts.cells)
    assert sum(counts) == 15
    assert 0 in counts


def test_shards_are_even_by_the_seconds_of_another_run(small: Project) -> None:
    before = small.path / "before.json"
    small.run("-m", "rd or roundtrip", "--lic-update", f"--lic-json={before}")
    stored = json.loads(before.read_text())
    for test in stored["tests"]:
        if test["subject"] == "toy-q1-images-native-b1-cpu":
            test["seconds"] = 1000.0
    before.write_text(json.dumps(stored))
    even, by_seconds = (
        [collected(small, "-m", "rd", f"--lic-shard={k}/2", *more) for k in (1, 2)]
        for more in ((), (f"--lic-shard-seconds={before}",))
    )
    points = [
        sorted(sum("test_point" in name for name in part) for part in parts)
        for parts in (even, by_seconds)
    ]
    assert points == [[2, 3], [1, 4]]


@pytest.mark.parametrize("file", ["none", "without", "damaged"])
def test_seconds_that_can_not_be_had_are_said(small: Project, file: str) -> None:
    path = small.path / "before.json"
    if file == "without":
        small.run("-m", "rd", f"--lic-json={path}")
        stored = json.loads(path.read_text())
        for test in stored["tests"]:
            test["seconds"] = None
        path.write_text(json.dumps(stored))
    elif file == "damaged":
        path.write_text("{")
    result = small.run("--lic-shard=1/2", f"--lic-shard-seconds={path}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    words = {
        "none": "*can't be read*",
        "without": "*says of no cell*",
        "damaged": "*not valid JSON*",
    }
    result.stderr.fnmatch_lines([words[file]])


@pytest.mark.parametrize("option", ["--lic-shard-seconds=a.json", "--lic-lost=gone"])
def test_options_of_a_shard_need_one(small: Project, option: str) -> None:
    result = small.run(option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*{option.partition('=')[0]} is about one part*--lic-shard too*"])


def test_of_a_lost_shard_nothing_runs_and_every_test_fails(small: Project) -> None:
    small.write_codec(NEVER_RUN, "NeverRun")
    whole = [test for k in (1, 2) for test in collected(small, "-m", "rd", f"--lic-shard={k}/2")]
    files = [small.path / f"{k}.json" for k in (1, 2)]
    for k, file in enumerate(files, 1):
        result = small.run(
            "-m", "rd", f"--lic-shard={k}/2", "--lic-lost=its node died", f"--lic-json={file}"
        )
        assert result.ret == pytest.ExitCode.TESTS_FAILED
    whole_run = merged({file.name: file for file in files})
    assert whole_run.run.exit_status == 1
    assert {test.id for test in whole_run.tests} == set(whole)
    assert {test.outcome for test in whole_run.tests} == {"failed"}
    texts = {test.subject: test.text for test in whole_run.tests}
    assert texts["toy-q1-images-native-b1-cpu"] == "toy-q1-images-native-b1-cpu: its node died"
    assert texts["toy-images-native-b1-cpu"].startswith("toy-images-native-b1-cpu: toy-q")
    assert not (small.path / "ran").exists()
