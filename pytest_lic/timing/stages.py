"""Stage times: hooks on a codec's parts, in rounds apart from the benchmark's.

Each part's forward call is timed, waiting for the device on either side, and what is left of the
round is entropy coding and the rest: quantising, table indices, the entropy coder, packing. A part
within another counts for itself alone, so that the stages add up to the round.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from pytest_lic.timing.clock import Clock

if TYPE_CHECKING:
    from torch import nn

REST = "entropy coding and the rest"


@dataclass(frozen=True)
class StageTimes:
    """The stages of one round, in seconds, in the order of coding; `REST` is the last.

    They are those of the round whose total is the median of ``rounds``, and sum up to ``total``,
    which is larger than the benchmark's median: the device is waited for around every part.
    """

    seconds: Mapping[str, float]
    total: float
    rounds: int


def take_stages(
    parts: Mapping[str, nn.Module], work: Callable[[], object], clock: Clock, rounds: int
) -> StageTimes:
    """The stages of ``work``; parts that it never calls take no time and are left out.

    Args:
        parts: stage → the module that does it.
        work: one round.
        clock: waits for the device before each reading.
        rounds: how many to take, 1 or more.
    """
    rounds_taken = []
    for _ in range(rounds):
        watch = Watch(clock)
        with watch.on(parts):
            total = clock.seconds(work)
        rounds_taken.append((total, watch.counted))
    rounds_taken.sort(key=itemgetter(0))
    total, seconds = rounds_taken[(len(rounds_taken) - 1) // 2]
    stages = {stage: seconds[stage] for stage in parts if stage in seconds}
    return StageTimes({**stages, REST: total - sum(stages.values())}, total, rounds)


class Watch:
    """Runs while a part does: a part that calls another stops counting until that returns.

    Args:
        clock: reads what is counted, seconds or anything else that only rises.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.counted: dict[str, float] = {}
        self._clock = clock
        self._running: list[str] = []
        self._since = 0.0

    @contextmanager
    def on(self, parts: Mapping[str, nn.Module]) -> Iterator[None]:
        """With hooks on the parts, which are gone afterwards."""
        handles = []
        try:
            for stage, part in parts.items():
                handles.append(part.register_forward_pre_hook(partial(self._enter, stage)))
                handles.append(part.register_forward_hook(self._leave, always_call=True))
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _enter(self, stage: str, module: Any, inputs: Any) -> None:
        self._count()
        self._running.append(stage)
        self.counted.setdefault(stage, 0.0)

    def _leave(self, module: Any, inputs: Any, output: Any) -> None:
        self._count()
        self._running.pop()

    def _count(self) -> None:
        """Add what has passed to the part that runs, and go on from here."""
        now = self._clock()
        if self._running:
            self.counted[self._running[-1]] += now - self._since
        self._since = now
