"""Shards as tasks of a Ray cluster: one that is there, or one of this machine alone.

The project's folder travels by Ray's runtime environment, without what git ignores and without its
history; pytest-lic and the codecs' packages must be installed on every node.
"""

from __future__ import annotations

import importlib.util
import os
import socket
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from pytest_lic.engines.engine import Needs
from pytest_lic.engines.task import End, Hopeless, ShardTask
from pytest_lic.errors import UnavailableError, UsageError
from pytest_lic.measuring.shards import Shard
from pytest_lic.system.child_process import (
    Answer,
    ChildDiedError,
    ChildFailedError,
    ChildHungError,
    ChildProcess,
)
from pytest_lic.system.git import STATED_COMMIT, Commit

_CONNECTING = 180.0  # seconds: a project of some hundred megabytes is sent to the cluster
_KNOCKING = 10.0
_ANSWERING = 60.0
_LOST = (ChildDiedError, ChildFailedError, ChildHungError)


class RayEngine:
    """A shard is a task; Ray finds it a node.

    Args:
        root: the project's root, which travels.
        address: of a running cluster, such as ``10.0.0.1:6379`` or ``ray://10.0.0.1:10001``; None
            starts one of this machine, which ends with the run.
        needs: what one shard takes of a node.
        patience: seconds to wait for a node that has room for a shard at all, or for the cluster
            to answer again.
        commit: what is checked out, since git's history stays here.

    Raises:
        UnavailableError: Ray is not installed, or there is no cluster at the address.
        UsageError: no node has what a shard needs, and none can be added.
    """

    def __init__(
        self, root: Path, address: str | None, needs: Needs, patience: float, commit: Commit | None
    ) -> None:
        if importlib.util.find_spec("ray") is None:
            raise UnavailableError("--engine ray needs Ray: pip install 'pytest-lic[ray]'")
        if address is not None:
            _knock(address)
        # Not before: it imports Ray.
        from pytest_lic.engines import ray_driver

        self._unpacked = ray_driver.unpacked
        self._needs = needs
        self._patience = patience
        self._fitted = time.monotonic()  # when a node was last seen that has what a shard needs
        self._waiting: set[Shard] = set()
        self._gone = False
        self._folder = tempfile.TemporaryDirectory(prefix="pytest-lic-ray-")
        self._child = ChildProcess(
            ray_driver.RayDriver,
            {
                "address": address,
                "root": str(root),
                "variables": {} if commit is None else {STATED_COMMIT: commit.stated},
                "options": _options(needs),
            },
            path=sys.path,
            cwd=str(root),
            env={
                **os.environ,
                # Else a driver whose cluster has gone waits for a minute, whatever was asked for.
                "RAY_gcs_rpc_server_reconnect_timeout_s": str(max(1, round(patience))),
                "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
            },
            stderr=Path(self._folder.name, "driver.txt"),
        )
        try:
            self._look(self._ask("wait", _CONNECTING, seconds=0.0))
        except _LOST as error:
            self.close(interrupted=False)
            where = f"--address {address}" if address else "--engine ray"
            raise UnavailableError(f"{where}: no Ray cluster: {_told(error)}") from error
        if address is None and not self._fits():
            largest = self._largest()
            self.close(interrupted=False)
            raise UsageError(f"--engine ray: a shard needs {needs}, and this machine has {largest}")

    @property
    def running(self) -> int:
        """How many run now, by the cores that are in use."""
        cores = sum(node.get("CPU", 0.0) for node in self._nodes)
        return min(len(self._waiting), round((cores - self._free) / (self._needs.cpus or 1.0)))

    def submit(self, tasks: Sequence[ShardTask]) -> None:
        """Take shards."""
        self._waiting |= {task.shard for task in tasks}
        with suppress(*_LOST):  # as `wait` will tell
            self._ask(
                "submit",
                _ANSWERING,
                arguments=tasks[0].arguments,
                start=tasks[0].start,
                count=tasks[0].shard.count,
                numbers=[task.shard.number for task in tasks],
            )

    def wait(self, seconds: float) -> list[tuple[Shard, End]]:
        """Those that have come to an end."""
        try:
            answer = self._ask("wait", seconds + self._patience + _ANSWERING, seconds=seconds)
        except _LOST as error:
            return self._give_up(f"the connection to the cluster was lost ({_told(error)})")
        self._look(answer)
        by_number = {shard.number: shard for shard in self._waiting}
        ends = [self._unpacked(stored) for stored in answer["ended"]]
        self._waiting -= {by_number[number] for number, _ in ends}
        told = [(by_number[number], end) for number, end in ends]
        if not self._fits() and time.monotonic() - self._fitted > self._patience:
            told += self._give_up(
                f"for {self._patience:g} s no node of the cluster had what a shard needs "
                f"({self._needs}); the largest has {self._largest()}"
            )
        return told

    def close(self, *, interrupted: bool) -> str:
        """Cancel what runs, and let go of the cluster."""
        with suppress(*_LOST):
            self._ask("close", _ANSWERING)
        self._child.close()
        self._folder.cleanup()
        return ""

    def _ask(self, do: str, limit: float, **arguments: Any) -> Answer:
        """Ask the driver; never a new one, which would know of no task."""
        if self._gone:
            raise ChildDiedError("it ended before")
        try:
            return self._child.ask(do, limit, **arguments)
        except _LOST:
            self._gone = True
            raise

    def _look(self, answer: Answer) -> None:
        self._nodes: list[Mapping[str, float]] = answer["nodes"]
        self._free: float = answer["free"]
        if self._fits():
            self._fitted = time.monotonic()

    def _fits(self) -> bool:
        wanted = {"CPU": self._needs.cpus, "GPU": self._needs.gpus, "memory": self._needs.memory}
        return any(
            all(node.get(name, 0.0) >= amount for name, amount in wanted.items())
            for node in self._nodes
        )

    def _largest(self) -> str:
        if not self._nodes:
            return "nothing, for none is alive"
        node = max(self._nodes, key=lambda node: (node.get("GPU", 0.0), node.get("CPU", 0.0)))
        return str(Needs(node.get("CPU", 0.0), node.get("GPU", 0.0), int(node.get("memory", 0))))

    def _give_up(self, reason: str) -> list[tuple[Shard, End]]:
        shards, self._waiting = sorted(self._waiting, key=lambda shard: shard.number), set()
        return [(shard, Hopeless(reason)) for shard in shards]


def _options(needs: Needs) -> dict[str, float]:
    memory = {"memory": needs.memory} if needs.memory else {}
    return {"num_cpus": needs.cpus, "num_gpus": needs.gpus, **memory}


def _knock(address: str) -> None:
    """UnavailableError where nobody listens: Ray itself would try for minutes."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon or not port.isdecimal():
        raise UsageError(
            f"--address {address}: expected HOST:PORT of a Ray cluster, or ray://HOST:PORT"
        )
    try:
        socket.create_connection((host, int(port)), _KNOCKING).close()
    except (OSError, OverflowError) as error:
        raise UnavailableError(
            f"--address {address}: no Ray cluster: {error}; ray start --head prints the address "
            "of the one that it starts"
        ) from error


def _told(error: Exception) -> str:
    if isinstance(error, ChildHungError):
        return "it does not answer"
    if isinstance(error, ChildDiedError):  # whose last words are Ray's log
        return f"its driver ended: {str(error).partition(';')[0]}"
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__
