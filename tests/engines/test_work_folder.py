"""What has arrived is found by the same command again, and by no other."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_lic.engines.work_folder import Request, WorkFolder
from pytest_lic.errors import UsageError
from pytest_lic.measuring.shards import Shard
from pytest_lic.results.json_file import to_text
from tests.helpers.made_results import passing


def here(root: Path, *arguments: str, out: str = "all.json") -> Request:
    apart = [root / out, root / "work"]
    return Request.here(arguments or ("-m", "rd"), 2, root, ".", apart)


def git(root: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=a", "-c", "user.email=a@b")
    subprocess.run(["git", *identity, *arguments], cwd=root, check=True, capture_output=True)


@pytest.fixture(params=["in a repository", "in none"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    (tmp_path / "conftest.py").write_text("a = 1\n")
    if request.param == "in a repository":
        git(tmp_path, "init")
        git(tmp_path, "add", ".")
        git(tmp_path, "commit", "-m", "first")
    return tmp_path


def test_the_same_request_has_the_same_name_whatever_it_writes(root: Path) -> None:
    before = here(root)
    (root / "all.json").write_text("{}")
    (root / ".pytest-lic").mkdir()
    (root / ".pytest-lic" / "shard-1.json").write_text("{}")
    (root / "__pycache__").mkdir()
    (root / "__pycache__" / "conftest.py").write_text("")
    assert here(root).name == before.name


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "conftest.py").write_text("a = 22\n"),
        lambda root: (root / "new.py").write_text(""),
        lambda root: (root / "pyproject.toml").write_text("[tool.pytest.ini_options]\n"),
    ],
)
def test_other_code_is_another_request(root: Path, change: Callable[[Path], object]) -> None:
    before = here(root)
    change(root)
    assert here(root).name != before.name


@pytest.mark.parametrize(
    "other",
    [
        {"arguments": ("-m", "roundtrip")},
        {"count": 3},
        {"start": "sub"},
        {"python": "3.12.0"},
        {"pytest_lic": "0.2"},
    ],
)
def test_another_request_has_another_name(tmp_path: Path, other: dict[str, object]) -> None:
    request = here(tmp_path)
    assert replace(request, **other).name != request.name  # type: ignore[arg-type]


def test_what_arrived_is_found_and_what_was_cut_off_is_not(tmp_path: Path) -> None:
    folder = WorkFolder(tmp_path / "work", here(tmp_path))
    whole = to_text(passing()).encode()
    folder.keep(Shard(1, 2), whole)
    folder.keep(Shard(2, 2), whole[:-100])
    folder.close()
    again = WorkFolder(tmp_path / "work", here(tmp_path))
    assert list(again.arrived()) == [1]
    again.forget()
    assert again.arrived() == {}


def test_git_leaves_the_folder_alone(tmp_path: Path) -> None:
    git(tmp_path, "init")
    WorkFolder(tmp_path / ".pytest-lic", here(tmp_path))
    listed = subprocess.run(
        ["git", "status", "--porcelain"], cwd=tmp_path, check=True, capture_output=True
    )
    assert listed.stdout == b""


def test_ids_of_jobs_are_kept(tmp_path: Path) -> None:
    folder = WorkFolder(tmp_path / "work", here(tmp_path))
    assert folder.jobs == {}
    folder.jobs = {1: "77_0"}
    folder.close()
    assert WorkFolder(tmp_path / "work", here(tmp_path)).jobs == {1: "77_0"}


def test_a_folder_that_can_not_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"--work .*file: can't be written"):
        WorkFolder(tmp_path / "file", here(tmp_path))


def test_the_same_command_twice_at_once_is_refused(tmp_path: Path) -> None:
    first = WorkFolder(tmp_path / "work", here(tmp_path))
    with pytest.raises(UsageError, match=r"the same command runs already, in .*; wait for it"):
        WorkFolder(tmp_path / "work", here(tmp_path))
    first.close()
    WorkFolder(tmp_path / "work", here(tmp_path)).close()
