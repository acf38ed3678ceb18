"""Checks out and installs each side of a comparison in a folder of its own.

    repository ─ git checkout ─▶ FOLDER/base/tree ─ pip install --target ─▶ FOLDER/base/site

The working tree, as a side, is a checkout of its commit with the files as they lie there now:
tracked ones, and untracked ones that git does not ignore. The repository itself is let be. The
folder is removed in the end, also on Ctrl-C; what a killed comparison left is removed by the next.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from pytest_lic.errors import UsageError
from pytest_lic.system.commit_tree import check_out, is_checked_out_of
from pytest_lic.system.git import changed_files, commit_named, git, repository_root
from pytest_lic.system.program import run_program

_PREFIX = "pytest-lic-ab-"
_INSTALL_TIMEOUT = 600.0
_BUILT_BY = ("pyproject.toml", "setup.py")
_NO_REASON = ("hint:", "note:", "╰─>", "[end of output]")  # lines of pip's that tell no reason


@dataclass(frozen=True)
class Revision:
    """What one side is: ``name`` as the user wrote it, ``commit`` in full, ``subject`` its title.

    ``working_tree``: the files as they lie there now, on top of ``commit``.
    """

    name: str
    commit: str
    subject: str
    working_tree: bool = False

    @property
    def short(self) -> str:
        """Such as ``HEAD~1``, or ``the working tree``."""
        return "the working tree" if self.working_tree else self.name

    @property
    def title(self) -> str:
        """Such as ``HEAD~1 (1a2b3c4d5e, Widen the hyperprior)``."""
        if self.working_tree:
            return f"working tree (on {self.commit[:10]})"
        return f"{self.name} ({self.commit[:10]}, {self.subject})"


@dataclass(frozen=True)
class Checkout:
    """One side on disk.

    ``label`` is ``base`` or ``head``; ``tree`` its files; ``site`` where it is installed, or None
    where it is no package; ``folder`` the user's working directory within ``tree``.
    """

    label: str
    revision: Revision
    tree: Path
    site: Path | None
    folder: Path


@dataclass(frozen=True)
class Repository:
    """The repository that the user's folder ``here`` lies in; ``root`` is its top folder."""

    here: Path
    root: Path

    @classmethod
    def around(cls, here: Path) -> Repository:
        """The repository around a folder.

        Raises:
            UsageError: there is none, or no git.
        """
        return cls(here.resolve(), repository_root(here))

    def revision(self, name: str) -> Revision:
        """A commit by any name that git knows it by.

        Raises:
            UsageError: git does not know it, or it is checked out with changes that it lacks.
        """
        commit = commit_named(self.root, name)
        changed = changed_files(self.root)
        if changed and commit == git("rev-parse", "HEAD", cwd=self.root).strip():
            shown = ", ".join(changed[:3]) + (", …" if len(changed) > 3 else "")
            raise UsageError(
                f"{name} is checked out with changes that the commit lacks ({shown}): commit or "
                "stash them, or leave HEAD out to compare the working tree"
            )
        return self.described(name, commit)

    def base_of_working_tree(self, name: str) -> Revision:
        """As `revision`, for the other side of the working tree, which may have changes."""
        return self.described(name, commit_named(self.root, name))

    def working_tree(self) -> Revision:
        """The files as they are now."""
        commit = git("rev-parse", "HEAD", cwd=self.root).strip()
        return Revision("working tree", commit, "", working_tree=True)

    def described(self, name: str, commit: str) -> Revision:
        """A commit of that full id, by a name of the user's."""
        subject = git("log", "-1", "--format=%s", commit, cwd=self.root).strip()
        return Revision(name, commit, subject)


@contextmanager
def checked_out(
    repository: Repository, base: Revision, head: Revision
) -> Iterator[tuple[Checkout, Checkout]]:
    """Both sides on disk, for as long as the block runs.

    Raises:
        UsageError: a checkout failed, or its package could not be built or installed.
    """
    with folder_for_checkouts(repository) as folder:
        yield (
            check_out_side(repository, "base", base, folder),
            check_out_side(repository, "head", head, folder),
        )


@contextmanager
def folder_for_checkouts(repository: Repository) -> Iterator[Path]:
    """An empty folder for as long as the block runs, which is then removed with all in it."""
    _remove_abandoned(repository.root)
    # The process id tells the next comparison whether this one still lives.
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-")).resolve()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def check_out_side(
    repository: Repository, label: str, revision: Revision, folder: Path
) -> Checkout:
    """A revision on disk, in ``folder/label``.

    Raises:
        UsageError: the checkout failed, or its package could not be built or installed.
    """
    tree = check_out(repository.root, revision.commit, folder / label)
    if revision.working_tree:
        _overlay(repository.root, tree)
    elif (tree / ".gitmodules").is_file():
        git("submodule", "update", "--init", "--recursive", "--quiet", cwd=tree)
    here = tree / repository.here.relative_to(repository.root)
    if not here.is_dir():
        raise UsageError(
            f"{label}, {revision.title}, has no folder {here.relative_to(tree)}; "
            "start from a folder that all commits have"
        )
    site = folder / label / "site"
    packaged = _package_folder(here, tree)
    if packaged is None:
        return Checkout(label, revision, tree, None, here)
    _install(packaged, site, f"{label}, {revision.title}")
    return Checkout(label, revision, tree, site, here)


def _overlay(root: Path, tree: Path) -> None:
    """Make ``tree`` hold what lies in the working tree ``root``, but for what git ignores."""
    for entry in tree.iterdir():
        if entry.name == ".git":
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    listed = git("ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=root)
    for name in dict.fromkeys(listed.split("\0")):
        source, copy = root / name, tree / name
        if not name or not (source.exists() or source.is_symlink()):
            continue  # deleted, but not yet committed so
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir() and not source.is_symlink():  # a repository within the repository
            shutil.copytree(source, copy, symlinks=True, dirs_exist_ok=True)
        else:
            shutil.copy2(source, copy, follow_symlinks=False)


def _package_folder(here: Path, tree: Path) -> Path | None:
    """The nearest folder around ``here`` that can be installed; None for a plain project."""
    for folder in (here, *here.parents):
        if any(_is_built_by(folder / name) for name in _BUILT_BY):
            return folder
        if folder == tree:
            return None
    return None


def _is_built_by(file: Path) -> bool:
    """Whether a file says how to build a package; a pyproject.toml may hold settings alone."""
    if not file.is_file() or file.name != "pyproject.toml":
        return file.is_file()
    try:
        stored = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} is not valid TOML: {error}") from error
    return "build-system" in stored


def _install(package: Path, site: Path, side: str) -> None:
    if not _is_installed("pip"):  # find_spec("pip") would keep setuptools from being imported later
        raise UsageError(
            f"pip is not installed beside {sys.executable}, and both sides are installed with it; "
            "install pip into this environment"
        )
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-input"]
    command += ["--disable-pip-version-check", "--no-warn-conflicts", "--target", str(site)]
    if _can_build_here(package):
        command.append("--no-build-isolation")
    try:
        done = run_program([*command, str(package)], timeout=_INSTALL_TIMEOUT)
    except subprocess.TimeoutExpired:
        raise UsageError(f"{side}: pip did not install it within {_INSTALL_TIMEOUT:g} s") from None
    if done.returncode != 0:
        lines = [line for line in os.fsdecode(done.stderr).splitlines() if line.strip()]
        lines = [line for line in lines if not line.lstrip().startswith(_NO_REASON)]
        words = "\n".join(lines[-12:]) or f"pip ended with exit status {done.returncode}"
        raise UsageError(f"{side}: it can't be installed:\n{words}")


def _can_build_here(package: Path) -> bool:
    """Whether the environment has what builds the package, so that nothing is downloaded."""
    pyproject = package / "pyproject.toml"
    needed = ["setuptools", "wheel"]
    if pyproject.is_file():
        stored = tomllib.loads(pyproject.read_text(encoding="utf-8"))
        needed = stored.get("build-system", {}).get("requires", ["setuptools"])
    return all(_is_installed(requirement) for requirement in needed)


def _is_installed(text: str) -> bool:
    try:
        requirement = Requirement(text)
        if requirement.marker is not None and not requirement.marker.evaluate():
            return True
        return requirement.specifier.contains(metadata.version(requirement.name), prereleases=True)
    except (InvalidRequirement, metadata.PackageNotFoundError):
        return False


def _remove_abandoned(root: Path) -> None:
    """Remove what comparisons within this repository left that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        owner = folder.name.removeprefix(_PREFIX).split("-")[0]
        ours = any(is_checked_out_of(root, side) for side in folder.glob("*"))
        if ours and owner.isdigit() and not _lives(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it is another user's
        return True
    return True
