"""Folders and files as they were at a commit, such as the one where a branch began."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import filelock

from pytest_lic.errors import UsageError
from pytest_lic.system.commit_tree import check_out_part
from pytest_lic.system.git import commit_named, git, repository_root


@dataclass(frozen=True)
class Fork:
    """Where a branch began: ``commit`` in full, in the repository whose top folder is ``root``."""

    root: Path
    commit: str


def fork(here: Path, revision: str, head: str = "HEAD") -> Fork:
    """The merge base of ``revision`` and ``head``; ``revision`` itself where it is an ancestor.

    Raises:
        UsageError: no git, no repository, no such commit, or no commit that both descend from.
    """
    root = repository_root(here)
    commits = [commit_named(root, name) for name in (revision, head)]
    try:
        base = git("merge-base", *commits, cwd=root).strip()
    except UsageError:
        raise UsageError(
            f"{revision} and {head} have no commit in common here: a shallow clone needs more of "
            "the history (git fetch --unshallow, or fetch-depth: 0 of actions/checkout)"
        ) from None
    return Fork(root, base)


def folder_at(root: Path, commit: str, folder: Path, into: Path) -> Path:
    """Write what ``folder`` held at a commit into a folder below ``into``, once; that folder.

    It is empty where the commit had no such folder, and a symbolic link in it becomes a file that
    says where it led. Several processes may ask at the same time.

    Raises:
        UsageError: ``folder`` lies outside the repository.
    """
    name = _within(root, folder)
    into.mkdir(parents=True, exist_ok=True)
    place = into / f"{folder.name}-of-{commit[:10]}"
    with filelock.FileLock(into / f"{place.name}.lock"):
        if place.is_dir():
            return place
        unfinished = into / f"{place.name}.new"
        shutil.rmtree(unfinished, ignore_errors=True)  # of a process that was killed
        check_out_part(root, commit, name, unfinished).rename(place)
        shutil.rmtree(unfinished)
    return place


def text_at(root: Path, commit: str, path: Path) -> str | None:
    """What a file held at a commit; None where it was not."""
    name = _within(root, path)
    if not git("ls-tree", commit, "--", name, cwd=root):
        return None
    return git("show", f"{commit}:{name}", cwd=root)


def _within(root: Path, path: Path) -> str:
    path = path.resolve()
    if not path.is_relative_to(root):
        raise UsageError(f"{path} lies outside the repository {root}, so no commit of it has it")
    return path.relative_to(root).as_posix()
