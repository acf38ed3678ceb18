"""A small repository with commits of the toy codec, and comparisons of them."""

from __future__ import annotations

import subprocess
import tempfile
import textwrap
from pathlib import Path

import pytest

from pytest_lic import cli
from pytest_lic.ab import estimate, paired_times
from tests.helpers.toy_project import HOOK, TOY, write_photographs

SPIN = """
import time

class Slow(Toy):
    def {direction}(self, given):
        start = time.perf_counter()
        result = super().{direction}(given)
        end = time.perf_counter()
        while time.perf_counter() < end + {share} * (end - start):
            pass
        return result
"""
"""A toy codec that takes longer in one direction, and does the same."""


class AbProject:
    """A repository in a folder of its own, with photographs beside it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "project"
        self.images = folder / "images"
        write_photographs(self.images, count=2, side=176)
        self.path.mkdir()
        self.git("init", "--quiet")

    def git(self, *arguments: str) -> str:
        """What a git command prints."""
        identity = ("-c", "user.name=someone", "-c", "user.email=some@one")
        done = subprocess.run(
            ["git", *identity, *arguments],
            cwd=self.path,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def write(self, change: str = "", codec: str = "Toy", **files: str) -> None:
        """Write ``conftest.py`` with the toy codec, changed, and other files."""
        body = TOY + textwrap.dedent(change) + HOOK
        body = body.replace("CODEC", codec).replace("FINGERPRINT", "None")
        (self.path / "conftest.py").write_text(body)
        for name, text in files.items():
            (self.path / name.replace("__", ".")).write_text(text)

    def commit(self, change: str = "", codec: str = "Toy", **files: str) -> str:
        """The same, committed; the commit."""
        self.write(change, codec, **files)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", f"{codec} of {len(change)}")
        return self.git("rev-parse", "HEAD")

    def arguments(self, *given: str) -> list[str]:
        """Of a comparison on the photographs, with PSNR alone."""
        usual = [f"--corpus={self.images}", "--resolution=native", "--metrics=psnr", "--codec=toy"]
        return ["ab", *given, *usual]

    def ab(self, *given: str) -> int:
        """Compare in this process; the exit status."""
        return cli.main(self.arguments(*given))

    def is_left_clean(self) -> bool:
        """Whether no checkout is left, in the temporary folder or known to the repository."""
        listed = self.git("worktree", "list", "--porcelain").splitlines()
        trees = [line for line in listed if line.startswith("worktree ")]
        left = Path(tempfile.gettempdir()).glob("pytest-lic-ab-*/*/git/commondir")
        ours = [file for file in left if Path(file.read_text().strip()) == self.path / ".git"]
        return len(trees) == 1 and not ours and not self.git("status", "--porcelain")


def repository_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AbProject:
    """A repository without commits; comparisons start in it, and have little to do."""
    made = AbProject(folder)
    monkeypatch.chdir(made.path)
    monkeypatch.setattr(paired_times, "_START", 0.3)
    monkeypatch.setattr(paired_times, "_BUILDS", 2)
    monkeypatch.setattr(estimate, "FIRST_LOOK", estimate.FEWEST)
    return made


def processes_of(folder: Path) -> list[str]:
    """Command lines of running processes that name a folder; Linux only."""
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = process.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # it has ended meanwhile
            continue
        if str(folder) in line and "worker.py" in line:
            found.append(line)
    return found
