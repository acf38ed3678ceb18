"""One shard as a task: the pytest process that runs it, and what became of it."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_lic.engines import end_with_parent
from pytest_lic.measuring.shards import Shard
from pytest_lic.system.program import run_program

ENDED = (0, 1, 5)
"""pytest's exit statuses of a run that came to its end: passed, failed, or nothing to do."""
REFUSED = (2, 4)
"""Those of a run that would end the same way again: interrupted by an error while tests were
collected, options that are wrong."""

_LAST = 4000  # characters of a process's output that are kept


@dataclass(frozen=True)
class ShardTask:
    """One shard of a run.

    Args:
        arguments: of pytest, without those that say which shard it is.
        shard: which.
        start: the folder where pytest is started, relative to the project's root.
    """

    arguments: tuple[str, ...]
    shard: Shard
    start: str = "."

    def command(self, results: Path, *more: str) -> list[str]:
        """The command line that writes the shard's results to a file; it ends with this process."""
        pytest = [sys.executable, "-m", "pytest", *self.arguments]
        options = [f"--lic-shard={self.shard}", f"--lic-json={results}", *more]
        return [sys.executable, end_with_parent.__file__, str(os.getpid()), *pytest, *options]


@dataclass(frozen=True)
class Ended:
    """A shard's pytest ended by itself: its exit status, its results file, its last output."""

    status: int
    results: bytes
    output: str


@dataclass(frozen=True)
class Died:
    """Something else ended it before it had results; another try may do better."""

    reason: str


@dataclass(frozen=True)
class Hopeless:
    """It can't be run at all; another try would do no better."""

    reason: str


End = Ended | Died | Hopeless


def run_shard(task: ShardTask, root: str | None = None) -> Ended | Died:
    """Run a shard to its end.

    Args:
        task: the shard.
        root: the project's root on this machine; None for the working directory.
    """
    folder = Path(root or ".").resolve() / task.start
    with tempfile.TemporaryDirectory(prefix="pytest-lic-shard-") as new:
        results = Path(new, "results.json")
        done = run_program(task.command(results), cwd=folder, env=shard_environment())
        return end_of(done.returncode, results, done.stdout + done.stderr)


def shard_environment() -> dict[str, str]:
    """That of a shard's process: a page of one shard alone is none for a summary."""
    return {name: value for name, value in os.environ.items() if name != "GITHUB_STEP_SUMMARY"}


def end_of(status: int, results: Path, output: bytes) -> Ended | Died:
    """What became of a shard's process, by its exit status and what it left."""
    text = output.decode("utf-8", errors="replace")[-_LAST:]
    if status in REFUSED:
        return Ended(status, b"", text)
    with contextlib.suppress(FileNotFoundError):
        if status in ENDED:
            content = results.read_bytes()
            # What failed once the file was written, such as a hook, is not in it.
            passed = status == 1 and _status_in(content) == 0
            return Ended(status, b"" if passed else content, text)
    lines = text.strip().splitlines()
    said = f"; its last words: {lines[-1][:300]}" if lines else ""
    how = f"was killed by signal {-status}" if status < 0 else f"ended with exit status {status}"
    return Died(f"its process {how} and left no results{said}")


def _status_in(results: bytes) -> object:
    try:
        return json.loads(results)["run"]["exit_status"]
    except (ValueError, KeyError, TypeError):
        return None


def why_refused(output: str) -> str:
    """What pytest said of a run that it did not take to its end."""
    lines = [line.rstrip() for line in output.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    return _joined(errors) or _joined(lines[-3:]) or "it said nothing"


def _joined(lines: Sequence[str]) -> str:
    return "; ".join(dict.fromkeys(lines))
