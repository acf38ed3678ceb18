"""Shards as processes of this machine."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_lic.engines.task import End, ShardTask, end_of, shard_environment
from pytest_lic.measuring.shards import Shard
from pytest_lic.system.program import kill_group

_PAUSE = 0.05


@dataclass(frozen=True)
class _Running:
    process: subprocess.Popen[bytes]
    shard: Shard
    results: Path
    output: Path


class LocalEngine:
    """So many shards side by side, each a process.

    Args:
        root: the project's root.
        processes: how many.
    """

    def __init__(self, root: Path, processes: int) -> None:
        self._root = root
        self._processes = processes
        self._waiting: deque[ShardTask] = deque()
        self._running: list[_Running] = []
        self._folder = tempfile.TemporaryDirectory(prefix="pytest-lic-shards-")

    @property
    def running(self) -> int:
        """How many run now."""
        return len(self._running)

    def submit(self, tasks: Sequence[ShardTask]) -> None:
        """Take shards, and start as many as there is room for."""
        self._waiting.extend(tasks)
        self._start()

    def wait(self, seconds: float) -> list[tuple[Shard, End]]:
        """Those that have come to an end."""
        until = time.monotonic() + seconds
        while True:
            ended = [one for one in self._running if one.process.poll() is not None]
            if ended or time.monotonic() >= until:
                break
            time.sleep(_PAUSE)
        self._running = [one for one in self._running if one not in ended]
        self._start()
        return [(one.shard, self._end(one)) for one in ended]

    def close(self, *, interrupted: bool) -> str:
        """End those that run, with all that they started."""
        self._waiting.clear()
        for one in self._running:
            kill_group(one.process.pid)
            one.process.wait()
        self._running = []
        self._folder.cleanup()
        return ""

    def _start(self) -> None:
        while self._waiting and len(self._running) < self._processes:
            task = self._waiting.popleft()
            folder = Path(tempfile.mkdtemp(dir=self._folder.name))
            results, output = folder / "results.json", folder / "output.txt"
            with output.open("wb") as stream:
                process = subprocess.Popen(
                    task.command(results),
                    stdin=subprocess.DEVNULL,
                    stdout=stream,
                    stderr=subprocess.STDOUT,
                    cwd=self._root / task.start,
                    env=shard_environment(),
                    # Ctrl-C is for the parent, who ends the shard and whatever that started.
                    start_new_session=True,
                )
            self._running.append(_Running(process, task.shard, results, output))

    def _end(self, one: _Running) -> End:
        kill_group(one.process.pid)
        return end_of(one.process.returncode, one.results, one.output.read_bytes())
