"""A commit's files in a folder, and a repository that does not know of it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from pytest_lic.errors import UsageError
from pytest_lic.system.commit_tree import check_out, check_out_part, is_checked_out_of
from tests.helpers.ab_project import AbProject


@pytest.fixture
def commit(repository: AbProject) -> str:
    """A commit with folders of odd names, and links that lead out of one."""
    for name in ("bar", "b[a]r"):
        (repository.path / name / "deep").mkdir(parents=True)
        (repository.path / name / "deep" / "two.bin").write_bytes(b"\r\n\x00")
    (repository.path / "bar" / "beside").symlink_to("../one.txt")
    (repository.path / "bar" / "away").symlink_to("/etc/hostname")
    return repository.commit(one__txt="a")


def test_a_checkout_is_whole_and_git_works_in_it(
    repository: AbProject, commit: str, tmp_path: Path
) -> None:
    repository.git("tag", "v1")
    repository.commit(one__txt="b")
    tree = check_out(repository.path, commit, tmp_path / "side")
    assert (tree / "one.txt").read_text() == "a"
    assert (tree / "bar" / "beside").is_symlink()
    told = [
        subprocess.run(["git", *words], cwd=tree, check=True, capture_output=True, text=True).stdout
        for words in (("describe", "--tags"), ("status", "--porcelain"))
    ]
    assert told == ["v1\n", ""]
    assert is_checked_out_of(repository.path, tmp_path / "side")
    assert not is_checked_out_of(repository.path, tmp_path)
    assert repository.git("worktree", "list").count("\n") == 0


def test_a_part_is_plain_files_and_runs_no_hook(
    repository: AbProject, commit: str, tmp_path: Path
) -> None:
    hook = repository.path / ".git" / "hooks" / "post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    part = check_out_part(repository.path, commit, "bar", tmp_path / "part")
    assert {path.name for path in part.iterdir()} == {"deep", "beside", "away"}
    assert (part / "deep" / "two.bin").read_bytes() == b"\r\n\x00"
    for link, target in (("beside", "../one.txt"), ("away", "/etc/hostname")):
        assert not (part / link).is_symlink()
        assert (part / link).read_text() == target
    odd = check_out_part(repository.path, commit, "b[a]r", tmp_path / "odd")
    assert [path.name for path in odd.parent.iterdir()] == ["b[a]r"]
    whole = check_out_part(repository.path, commit, ".", tmp_path / "whole")
    assert (whole / "one.txt").read_text() == "a"
    assert not (whole / ".git").exists()
    for other in ("nowhere", "one.txt"):
        assert not [*check_out_part(repository.path, commit, other, tmp_path / other).iterdir()]


def test_a_sparse_checkout_and_a_hook_s_variables_leave_nothing_out(
    repository: AbProject, commit: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.git("sparse-checkout", "set", "bar")
    repository.git("config", "submodule.recurse", "true")
    monkeypatch.setenv("GIT_INDEX_FILE", os.devnull)
    tree = check_out(repository.path, commit, tmp_path / "side")
    assert (tree / "b[a]r" / "deep" / "two.bin").is_file()


def test_an_unknown_commit_is_a_clear_error(repository: AbProject, tmp_path: Path) -> None:
    repository.commit()
    with pytest.raises(UsageError, match="git checkout: "):
        check_out(repository.path, "0" * 40, tmp_path / "side")
