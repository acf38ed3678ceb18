"""All shards of a run to their end: tried again where a machine died, kept once they are there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pytest_lic.engines.engine import Engine
from pytest_lic.engines.task import Died, Ended, Hopeless, ShardTask, why_refused
from pytest_lic.engines.work_folder import WorkFolder
from pytest_lic.errors import UsageError
from pytest_lic.measuring.shards import Shard

_PAUSE = 0.5  # seconds between two looks at what is displayed


class Display(Protocol):
    """Shows how far the shards are."""

    def update(self, done: int, running: int, lost: int) -> None:
        """Show the present state."""

    def say(self, text: str) -> None:
        """Show a line that stays."""


def drive(
    engine: Engine,
    tasks: Sequence[ShardTask],
    folder: WorkFolder,
    tries: int,
    display: Display,
) -> dict[int, str]:
    """Run shards, each until its results are kept or it is given up.

    Args:
        engine: that runs them.
        tasks: the shards that have not arrived yet.
        folder: where results are kept.
        tries: how often a shard whose machine died is tried again.
        display: told of all that happens.

    Returns:
        Number of a shard that was given up → why.

    Raises:
        UsageError: pytest refused what it was asked for.
    """
    waiting = {task.shard: task for task in tasks}
    died: dict[Shard, int] = dict.fromkeys(waiting, 0)
    lost: dict[int, str] = {}
    engine.submit(tasks)
    while waiting:
        display.update(len(tasks) - len(waiting) - len(lost), engine.running, len(lost))
        ends = list(engine.wait(_PAUSE))
        for shard, end in ends:
            if isinstance(end, Ended) and end.results:
                folder.keep(shard, end.results)
        for shard, end in ends:
            if isinstance(end, Ended):
                _check_ended(shard, end)
            elif isinstance(end, Died) and died[shard] < tries:
                died[shard] += 1
                display.say(f"shard {shard}: {end.reason}; tried again ({died[shard]} of {tries})")
                engine.submit([waiting[shard]])
                continue
            else:
                lost[shard.number] = _given_up(end, died[shard])
                display.say(f"shard {shard} is lost: {lost[shard.number]}")
            del waiting[shard]
    display.update(len(tasks) - len(lost), 0, len(lost))
    return lost


def _check_ended(shard: Shard, end: Ended) -> None:
    """UsageError where a run was refused, or failed after it had written that it passed."""
    if not end.results:
        raise UsageError(
            f"shard {shard} did not come to its end (exit status {end.status}): "
            f"{why_refused(end.output)}"
        )


def _given_up(end: Died | Hopeless, tried_again: int) -> str:
    return f"{end.reason} ({tried_again + 1} times)" if tried_again else end.reason
