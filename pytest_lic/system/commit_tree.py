"""A commit's files in a folder of their own, of which the repository knows nothing.

    FOLDER/tree   the files; its ``.git`` names the next
    FOLDER/git    a worktree's HEAD and index, and where the repository is that has the rest

It is a worktree of git's that is not registered in the repository: nothing is written there, so
there is nothing to take back but the folder, whatever was interrupted.
"""

from __future__ import annotations

import os
from pathlib import Path

from pytest_lic.system.git import git

_QUIETLY = ("--quiet", "--no-recurse-submodules")


def check_out(root: Path, commit: str, folder: Path) -> Path:
    """Write a commit's files into ``folder/tree``, with all that git knows of them.

    Args:
        root: the top folder of the repository.
        commit: its full id.
        folder: which does not exist yet, or is empty.

    Raises:
        UsageError: git can't.
    """
    tree = _worktree(root, commit, folder)
    git("checkout", *_QUIETLY, "--force", "--detach", commit, cwd=tree)
    return tree


def check_out_part(root: Path, commit: str, part: str, folder: Path) -> Path:
    """As `check_out`, for one folder of the commit, as plain files; where that is.

    No hook of the user's runs, and a symbolic link becomes a file that holds where it leads. The
    folder is empty where the commit has none of this name.

    Args:
        root: the top folder of the repository.
        commit: its full id.
        part: the folder, relative to ``root``; ``.`` for all.
        folder: which does not exist yet, or is empty.
    """
    tree = _worktree(root, commit, folder)
    plain = ("-c", "core.symlinks=false", "-c", f"core.hooksPath={os.devnull}")
    if part == "." or git("ls-tree", "-d", commit, "--", part, cwd=root):
        git(*plain, "--literal-pathspecs", "checkout", *_QUIETLY, commit, "--", part, cwd=tree)
    (tree / ".git").unlink()
    place = tree / part
    place.mkdir(parents=True, exist_ok=True)
    return place


def without_files(root: Path, commit: str, folder: Path) -> Path:
    """As `check_out`, but no file is written: a place for git's own state."""
    return _worktree(root, commit, folder)


def is_checked_out_of(root: Path, folder: Path) -> bool:
    """Whether a folder is one that `check_out` filled from this repository."""
    try:
        return (folder / "git" / "commondir").read_text(encoding="utf-8") == _pointer(root)
    except OSError:  # there is none, or it is another user's
        return False


def _worktree(root: Path, commit: str, folder: Path) -> Path:
    """A worktree without files; see gitrepository-layout(5) for what makes it one."""
    own, tree = folder / "git", folder / "tree"
    own.mkdir(parents=True)
    tree.mkdir()
    (own / "HEAD").write_text(f"{commit}\n", encoding="utf-8")
    (own / "commondir").write_text(_pointer(root), encoding="utf-8")
    (own / "gitdir").write_text(f"{tree / '.git'}\n", encoding="utf-8")
    (tree / ".git").write_text(f"gitdir: {own}\n", encoding="utf-8")
    return tree


def _pointer(root: Path) -> str:
    """Where a repository keeps what its worktrees share."""
    return f"{(root / git('rev-parse', '--git-common-dir', cwd=root).strip()).resolve()}\n"
