"""The process that is Ray's driver: it submits shards, and asks what became of them.

A process of its own, for Ray ends the driver of a cluster that is gone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import ray

from pytest_lic.engines.task import Died, End, Ended, Hopeless, ShardTask, run_shard
from pytest_lic.measuring.shards import Shard

_NOT_SENT = (".git", ".pytest-lic", ".tox", ".venv", "__pycache__", "*.ckpt")
_KINDS = {kind.__name__: kind for kind in (Ended, Died, Hopeless)}


class RayDriver:
    """Connects to a cluster, or starts one of this machine.

    Args:
        address: of a running one; None starts one.
        root: the project's root, which travels without what git ignores.
        variables: of the environment that tasks run in.
        options: Ray's, of a task: ``num_cpus``, ``num_gpus``, ``memory``.
    """

    def __init__(
        self,
        address: str | None,
        root: str,
        variables: Mapping[str, str],
        options: Mapping[str, Any],
    ) -> None:
        dashboard = {} if address else {"include_dashboard": False}
        ray.init(
            address=address or "local",
            runtime_env={
                "working_dir": root,
                "excludes": list(_NOT_SENT),
                "env_vars": dict(variables),
            },
            log_to_driver=False,
            logging_level="ERROR",
            **dashboard,
        )
        self._run = ray.remote(run_shard).options(max_retries=0, **options)
        self._tasks: dict[Any, int] = {}

    def submit(
        self, arguments: Sequence[str], start: str, count: int, numbers: Sequence[int]
    ) -> Any:
        """Take shards of ``count``, by their numbers."""
        for number in numbers:
            task = ShardTask(tuple(arguments), Shard(number, count), start)
            self._tasks[self._run.remote(task)] = number
        return {}

    def wait(self, seconds: float) -> Any:
        """What has come to an end, after so many seconds at most, and what nodes have."""
        ready: list[Any] = []
        if self._tasks:
            ready, _ = ray.wait(list(self._tasks), num_returns=1, timeout=seconds)
        if ready:
            every = list(self._tasks)
            ready, _ = ray.wait(every, num_returns=len(every), timeout=0)
        ended = [packed(self._tasks.pop(task), _end(task)) for task in ready]
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        free = ray.available_resources().get("CPU", 0.0)
        return {"ended": ended, "nodes": nodes, "free": free}

    def close(self) -> Any:
        """Cancel what runs, and let go of the cluster."""
        for task in self._tasks:
            with suppress(ray.exceptions.RayError, ValueError):
                ray.cancel(task, force=True)
        ray.shutdown()
        return {}


def packed(number: int, end: End) -> dict[str, Any]:
    """What became of a shard, as JSON."""
    facts = asdict(end)
    if isinstance(end, Ended):
        facts["results"] = end.results.decode("utf-8")
    return {"number": number, "kind": type(end).__name__, "facts": facts}


def unpacked(stored: Mapping[str, Any]) -> tuple[int, End]:
    """The inverse of `packed`."""
    facts = dict(stored["facts"])
    if "results" in facts:
        facts["results"] = facts["results"].encode("utf-8")
    return stored["number"], _KINDS[stored["kind"]](**facts)


def _end(task: Any) -> End:
    errors = ray.exceptions
    try:
        end: End = ray.get(task)
    except errors.RuntimeEnvSetupError as error:
        return Hopeless(f"the project could not be sent to a node: {_line(error, 0)}")
    except errors.RayTaskError as error:
        return Hopeless(f"it could not be started on its node: {_line(error, -1)}")
    except errors.RayError as error:
        return Died(f"its worker or node died ({type(error).__name__})")
    return end


def _line(error: BaseException, which: int) -> str:
    lines = str(error).strip().splitlines()
    return lines[which] if lines else type(error).__name__
