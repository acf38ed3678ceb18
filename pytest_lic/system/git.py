"""Running git: commits, and the repository that a folder lies in."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from pytest_lic.errors import UsageError
from pytest_lic.system.program import run_program

# Set where git runs us from a hook: then they would name a folder for every git we start.
_OF_HOOKS = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")
HOW_TO_GET_HISTORY = (
    "git fetch --unshallow --tags fetches the rest (fetch-depth: 0 of actions/checkout)"
)


STATED_COMMIT = "PYTEST_LIC_COMMIT"
"""The variable that says what is checked out to a copy of it without git's history: its id, and
``+changed`` after it where tracked files differ."""
_CHANGED = "+changed"


@dataclass(frozen=True)
class Commit:
    """What is checked out: the full id, and whether tracked files differ from it."""

    id: str
    changed: bool

    @property
    def stated(self) -> str:
        """What `STATED_COMMIT` says of it."""
        return f"{self.id}{_CHANGED if self.changed else ''}"


def checked_out_commit(folder: Path, apart_from: Path) -> Commit | None:
    """The commit around ``folder``; None where there is no git, repository or commit.

    Where there is none, `STATED_COMMIT` may say it.

    Args:
        folder: within the repository.
        apart_from: changes below this folder don't count.
    """
    try:
        root = Path(git("rev-parse", "--show-toplevel", cwd=folder).strip())
        commit = git("rev-parse", "--verify", "HEAD", cwd=folder).strip()
        changed = [(root / name).resolve() for name in changed_files(root)]
    except UsageError:
        stated = os.environ.get(STATED_COMMIT, "")
        return Commit(stated.removesuffix(_CHANGED), stated.endswith(_CHANGED)) if stated else None
    ignored = apart_from.resolve()
    return Commit(commit, any(not path.is_relative_to(ignored) for path in changed))


def changed_files(root: Path) -> list[str]:
    """Tracked files that differ from the commit that is checked out, relative to the top folder."""
    listed = git("diff", "--name-only", "-z", "HEAD", cwd=root)
    return [name for name in listed.split("\0") if name]


def repository_root(here: Path) -> Path:
    """The top folder of the repository that a folder lies in.

    Raises:
        UsageError: there is none, or no git.
    """
    try:
        root = git("rev-parse", "--show-toplevel", cwd=here)
    except UsageError as error:
        raise UsageError(f"{here} is in no git repository that has files: {error}") from error
    return Path(root.strip()).resolve()


def commit_named(root: Path, name: str) -> str:
    """The full id of a commit, by any name that git knows it by.

    Raises:
        UsageError: git does not know it.
    """
    # A name that begins with a dash would be taken for an option.
    wanted = ("--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    try:
        return git("rev-parse", *wanted, cwd=root).strip()
    except UsageError:
        raise UsageError(
            f"{name}: no commit of {root} has this name; git log shows those there are"
        ) from None


def commit_of_history(root: Path, name: str) -> str:
    """`commit_named`, of a commit that may lie far back.

    Raises:
        UsageError: git does not know it; of a shallow clone it says how to get all of the history.
    """
    try:
        return commit_named(root, name)
    except UsageError as error:
        if not is_shallow(root):
            raise
        raise UsageError(
            f"{name}: {root} is a shallow clone, and has no commit of this name: "
            f"{HOW_TO_GET_HISTORY}"
        ) from error


def is_shallow(root: Path) -> bool:
    """Whether older commits were left out when the repository was cloned."""
    return git("rev-parse", "--is-shallow-repository", cwd=root).strip() == "true"


def git(*arguments: str, cwd: Path) -> str:
    """What a git command prints.

    Raises:
        UsageError: there is no git, or the command failed; with the last line it printed.
    """
    environment = {name: value for name, value in os.environ.items() if name not in _OF_HOOKS}
    try:
        done = run_program(["git", *arguments], cwd=cwd, env=environment)
    except FileNotFoundError:
        raise UsageError("git is not installed, or not on the PATH; install git") from None
    if done.returncode != 0:
        lines = os.fsdecode(done.stderr).strip().splitlines()
        raise UsageError(f"git {arguments[0]}: {lines[-1] if lines else 'it failed'}")
    return os.fsdecode(done.stdout)
