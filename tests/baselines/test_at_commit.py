"""The gate of a branch holds it to the baselines that it began with."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pytest_lic.baselines.at_commit import folder_at, fork
from pytest_lic.errors import UsageError
from tests.helpers.ab_project import AbProject
from tests.helpers.toy_project import Project
from tests.helpers.toy_repository import commit, git

WORSE = "STEPS['3'] = 21"
RD = ("-m", "rd", "--lic-quality=3")


@pytest.fixture
def branch(small: Project) -> Project:
    """A branch with nothing on it yet, of a repository with recorded baselines."""
    git(small, "init", "--quiet", "--initial-branch=main")
    assert small.run("-m", "rd or conformance", "--lic-update").ret == 0
    (small.path / ".gitignore").write_text("cache\n__pycache__\n*.json.tmp\n")
    commit(small, "the base")
    git(small, "switch", "--quiet", "--create", "work")
    return small


def test_a_bar_that_the_branch_moved_does_not_count(branch: Project) -> None:
    branch.write_codec(WORSE, fingerprint="lambda quality: 'worse'")
    assert branch.run("-m", "rd", "--lic-update").ret == 0
    commit(branch, "worse, and recorded as if it were right")
    assert branch.run(*RD).ret == 0, "against its own baselines it passes"
    result = branch.run(*RD, "--lic-baselines-of=main")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["regressed: toy-q3-images-native-b1-cpu"])
    spread = branch.run(*RD, "--lic-baselines-of=main", "-n2")
    assert spread.ret == 1
    spread.stdout.fnmatch_lines(["regressed: toy-q3-images-native-b1-cpu"])


def test_what_main_recorded_since_does_not_count_either(branch: Project) -> None:
    git(branch, "switch", "--quiet", "main")
    stored = branch.baseline.read_text()
    branch.baseline.write_text(re.sub(r'"psnr": 3\d', '"psnr": 99', stored))
    commit(branch, "main went on")
    git(branch, "switch", "--quiet", "work")
    assert branch.run(*RD, "--lic-baselines-of=main").ret == 0


def test_a_baseline_that_is_new_counts_as_it_is(branch: Project) -> None:
    stored = json.loads(branch.baseline.read_text())
    entries = [entry for entry in stored["entries"] if entry["quality"] != "3"]
    branch.baseline.write_text(json.dumps({**stored, "entries": entries}))
    commit(branch, "one baseline less")
    git(branch, "branch", "--force", "main")
    missing = branch.run(*RD, "--lic-baselines-of=main")
    assert missing.ret == 1
    missing.stdout.fnmatch_lines(["*points have no baseline*"])
    branch.baseline.write_text(json.dumps(stored))
    assert branch.run(*RD, "--lic-baselines-of=main").ret == 0


def test_a_kept_bitstream_that_the_branch_replaced_must_still_decode(branch: Project) -> None:
    manifest = branch.path / "baselines" / "conformance" / "toy.json"
    before = manifest.read_text()
    branch.write_codec("STEPS = {key: 2 * step for key, step in STEPS.items()}")
    assert branch.run("-m", "conformance", "--lic-update").ret == 0
    assert manifest.read_text() != before
    commit(branch, "other bitstreams")
    assert branch.run("-m", "conformance").ret == 0
    assert branch.run("-m", "conformance", "--lic-baselines-of=main").ret == 1


def test_a_base_without_baselines_changes_nothing(small: Project) -> None:
    git(small, "init", "--quiet", "--initial-branch=main")
    commit(small, "no baselines yet")
    assert small.run("-m", "rd", "--lic-update").ret == 0
    assert small.run(*RD, "--lic-baselines-of=main").ret == 0


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--lic-baselines-of=nowhere", "nowhere: no commit of * has this name"),
        ("--lic-baselines-of=alone", "alone and HEAD have no commit in common here: a shallow*"),
    ],
)
def test_a_base_that_can_not_be_found_is_told_before_anything_runs(
    branch: Project, option: str, message: str
) -> None:
    git(branch, "switch", "--quiet", "--orphan", "alone")
    commit(branch, "another root")
    git(branch, "switch", "--quiet", "work")
    result = branch.run(*RD, option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*{message}*"])


def test_recording_and_comparing_with_others_exclude_each_other(branch: Project) -> None:
    result = branch.run(*RD, "--lic-baselines-of=main", "--lic-update")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--lic-update changes the baselines that lie here, and *"])


def test_a_damaged_baseline_of_the_base_is_told_with_its_commit(branch: Project) -> None:
    whole = branch.baseline.read_bytes()
    branch.baseline.write_text("{")
    damaged = commit(branch, "damaged")
    git(branch, "branch", "--force", "main")
    branch.baseline.write_bytes(whole)
    result = branch.run(*RD, "--lic-baselines-of=main")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    told = f"*baseline */baselines-of-{damaged[:10]}/toy.json is not valid JSON*"
    result.stderr.fnmatch_lines([told])


def test_a_folder_is_written_once_and_named_after_its_commit(
    repository: AbProject, tmp_path: Path
) -> None:
    first = repository.commit(one__txt="a")
    (repository.path / "deep" / "er").mkdir(parents=True)
    (repository.path / "deep" / "er" / "two.bin").write_bytes(b"\r\n\x00")
    second = repository.commit()
    deep = repository.path / "deep"
    made = folder_at(repository.path, second, deep, tmp_path / "into")
    assert made.name == f"deep-of-{second[:10]}"
    assert (made / "er" / "two.bin").read_bytes() == b"\r\n\x00"
    assert folder_at(repository.path, second, deep, tmp_path / "into") == made
    assert not list(folder_at(repository.path, first, deep, tmp_path / "into").iterdir())
    with pytest.raises(UsageError, match="lies outside the repository"):
        folder_at(repository.path, first, tmp_path / "images", tmp_path / "into")


def test_the_fork_is_where_both_were_one(repository: AbProject) -> None:
    base = repository.commit(one__txt="a")
    repository.git("branch", "other")
    repository.commit(one__txt="b")
    repository.git("switch", "--quiet", "other")
    repository.commit(one__txt="c")
    names = ("HEAD~1", "@{-1}")
    assert {fork(repository.path, name).commit for name in names} == {base}
