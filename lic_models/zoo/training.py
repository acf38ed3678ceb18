"""The whole of it: slices of training, some side by side, until time is up or all have come far."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from lic_models.zoo import ledger
from lic_models.zoo.ledger import Slice
from lic_models.zoo.networks import Network
from lic_models.zoo.slices import Children, How, train_slice
from lic_models.zoo.turns import LEAST_MINUTES, next_network, start
from pytest_lic.errors import LicError

Say = Callable[[Network, Slice | str, float], None]


@dataclass
class Outcome:
    """What a call came to.

    Args:
        slices: in the order of their ends.
        failed: network → why it can't be trained on.
        stopped: whether Ctrl-C, or a request to end, stopped it.
        minutes: that it took.
    """

    slices: list[Slice] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    stopped: bool = False
    minutes: float = 0.0


def train(
    networks: Sequence[Network],
    minutes: float,
    slice_minutes: float,
    how: How,
    say: Say,
    began: float,
) -> Outcome:
    """Train all networks by turns, the one that has come least far first.

    Args:
        networks: of one folder of runs.
        minutes: for all of it.
        slice_minutes: before another network may have its turn.
        how: what all slices share.
        say: called after each slice with the network, what came of it (or why it failed), and the
            minutes so far.
        began: since when the minutes count, by `time.monotonic`.
    """
    outcome = Outcome()
    children = Children()
    pixels = {network.name: int(network.trained()["pixels"]) for network in networks}
    running: dict[Future[Slice | None], Network] = {}
    with _stopping(children, outcome), ThreadPoolExecutor(how.processes) as pool:

        def passed() -> float:
            return (time.monotonic() - began) / 60

        def start_one() -> bool:
            left = minutes - passed()
            if outcome.stopped or left < LEAST_MINUTES or len(running) >= how.processes:
                return False
            busy = {*outcome.failed, *(network.name for network in running.values())}
            chosen = next_network(networks, pixels, busy)
            if chosen is None:
                return False
            length = left if left < 1.5 * slice_minutes else slice_minutes
            if how.start is not None:
                first: Path | None = chosen.weights_in(how.start)
            else:
                begun_with = start(chosen, networks, pixels)
                first = None if begun_with is None else begun_with.checkpoint
            running[pool.submit(train_slice, chosen, first, length, how, children)] = chosen
            return True

        while True:
            while start_one():
                pass
            if not running:
                break
            ended, _ = wait(running, timeout=1.0, return_when=FIRST_COMPLETED)
            for future in ended:
                network = running.pop(future)
                try:
                    done = future.result()
                except LicError as error:
                    outcome.failed[network.name] = str(error)
                    say(network, str(error), passed())
                    continue
                if done is None:
                    if not outcome.stopped:
                        outcome.failed[network.name] = "ended without a step"
                    continue
                pixels[network.name] += done.pixels
                outcome.slices.append(done)
                ledger.append(network.runs, done)
                say(network, done, passed())
        outcome.minutes = passed()
    return outcome


@contextmanager
def _stopping(children: Children, outcome: Outcome) -> Iterator[None]:
    """Let Ctrl-C, and a request to end, stop all processes after their step."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        outcome.stopped = True
        children.stop()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
