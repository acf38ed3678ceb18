"""What an engine does: takes shards, and says of each what became of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from pytest_lic.engines.task import End, ShardTask
from pytest_lic.measuring.shards import Shard


@dataclass(frozen=True)
class Needs:
    """What one shard takes of a machine: CPU cores, GPUs (parts of one too), bytes of memory."""

    cpus: float = 1.0
    gpus: float = 0.0
    memory: int = 0

    def __str__(self) -> str:
        """Such as ``1 CPU, 0.5 GPU and 4 GiB``."""
        parts = [f"{self.cpus:g} CPU"]
        if self.gpus:
            parts.append(f"{self.gpus:g} GPU")
        if self.memory:
            parts.append(f"{self.memory / 2**30:g} GiB")
        return ", ".join(parts[:-1]) + (" and " if len(parts) > 1 else "") + parts[-1]


class Engine(Protocol):
    """Runs shards."""

    def submit(self, tasks: Sequence[ShardTask]) -> None:
        """Take shards, to be run when there is room for them."""

    def wait(self, seconds: float) -> Iterable[tuple[Shard, End]]:
        """Those that have come to an end since it was last asked, after so long at most."""

    @property
    def running(self) -> int:
        """How many run now; the others wait for room."""

    def close(self, *, interrupted: bool) -> str:
        """End whatever still runs, and let go of everything.

        Args:
            interrupted: by Ctrl-C: shards that wait long for their turn may go on, for the same
                command to find them again.

        Returns:
            What goes on and how to end it; empty if nothing does.
        """
