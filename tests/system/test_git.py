"""Which commit a run stands on."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_lic.system.git import Commit, checked_out_commit
from tests.helpers.ab_project import AbProject


def test_a_commit_is_told_from_one_with_changes_but_for_those_of_the_baselines(
    repository: AbProject,
) -> None:
    baselines = repository.path / "baselines"
    assert checked_out_commit(repository.path, baselines) is None, "there is none yet"
    first = repository.commit(baselines__json="{}", other__txt="a")
    (repository.path / "untracked.txt").write_text("")
    assert checked_out_commit(repository.path, baselines) == Commit(first, changed=False)
    baselines.mkdir()
    (baselines / "toy.json").write_text("{}")
    repository.git("add", "baselines")
    assert checked_out_commit(repository.path, baselines) == Commit(first, changed=False)
    (repository.path / "other.txt").write_text("b")
    assert checked_out_commit(baselines, baselines) == Commit(first, changed=True)


def test_outside_a_repository_and_without_git_there_is_no_commit(
    repository: AbProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert checked_out_commit(tmp_path, tmp_path) is None
    repository.commit()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert checked_out_commit(repository.path, tmp_path) is None
