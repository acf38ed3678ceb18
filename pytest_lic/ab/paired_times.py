"""Times of both sides, taken alternately in pairs of fresh processes, until the answer is clear.

Within a start, quartets of turns go over the cell's batches, so that what is slower on some images
alone is seen too. Both processes share one processor: two processors are never equally fast, and
only one process works at a time anyway.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle, repeat
from pathlib import Path
from statistics import median

from pytest_lic.ab.estimate import FEWEST, FIRST_LOOK, estimate, is_settled, quartet, value
from pytest_lic.ab.result import DIRECTIONS, Demand, Start, Timed
from pytest_lic.ab.side import Side, SideError
from pytest_lic.errors import LicError, UnavailableError
from pytest_lic.measuring.grid import Cell
from pytest_lic.timing.benchmarking import Direction

_TURN = 0.03  # seconds that a turn should take at least, and
_MOST_CALLS = 64  # the calls that may go into one
_START = 3.2  # seconds of turns in one start, shared among the cells
_BUILDS = 5  # of a cell's codec in one start
_QUARTETS = (3, 20)  # of one build, at least and at most

Say = Callable[[str], None]


@dataclass
class _CellTimes:
    """The times of one cell so far."""

    cell: Cell
    starts: list[Start] = field(default_factory=list)
    seconds: dict[Direction, list[float]] = field(
        default_factory=lambda: {direction: [] for direction in DIRECTIONS}
    )
    took: float = 0.0
    failed: SideError | None = None
    clear: bool = False

    @property
    def open(self) -> bool:
        """Whether more starts are wanted."""
        return self.failed is None and not self.clear

    def values(self, direction: Direction) -> list[float]:
        """What each start says."""
        return [value(start.of(direction)) for start in self.starts]


def take_paired_times(
    base: Side,
    head: Side,
    batches: Mapping[Cell, Sequence[Path]],
    demand: Demand,
    threads: int,
    say: Say,
) -> dict[Cell, Timed | LicError]:
    """The times of each cell, or the reason why it has none.

    Args:
        base: one side.
        head: the other.
        batches: the image batches of each cell, .npy files.
        demand: which slowdown matters, and how many seconds there are.
        threads: CPU threads of torch in each process.
        say: told how far it is.
    """
    cells = [_CellTimes(cell) for cell in batches]
    comparisons = len(cells) * len(DIRECTIONS)
    end = time.monotonic() + demand.budget
    for start, cpu in enumerate(_processors(threads)):
        going = [times for times in cells if times.open]
        # What would not be ready in time, going by the last time, is not begun.
        going = [times for times in going if time.monotonic() + times.took < end]
        if not going:
            break
        base.restart()
        head.restart()
        # Those with the fewest starts first, so that none is left behind where time runs out.
        for times in sorted(going, key=lambda times: len(times.starts)):
            began = time.monotonic()
            if began + times.took >= end:
                continue
            sides = (base, head) if start % 2 == 0 else (head, base)
            try:
                target, longest = _START / len(going), demand.budget / (FIRST_LOOK * len(going))
                _one_start(times, sides, batches[times.cell], threads, cpu, target, longest)
            except SideError as error:
                times.failed = error
                base.close()  # whatever it was doing, the next cell begins afresh
                head.close()
                continue
            times.took = time.monotonic() - began
            times.clear = all(
                is_settled(
                    times.values(direction), comparisons=comparisons, threshold=demand.fail_slower
                )
                for direction in DIRECTIONS
            )
        left = sum(times.open for times in cells)
        spent = demand.budget - max(0.0, end - time.monotonic())
        say(
            f"timing: {start + 1} pairs of fresh processes, {left} of {len(cells)} cells not "
            f"yet clear, {spent:.0f} of {demand.budget:g} s"
        )
    base.close()
    head.close()
    return {times.cell: _timed(times, comparisons, demand) for times in cells}


def _one_start(
    times: _CellTimes,
    sides: tuple[Side, Side],
    batches: Sequence[Path],
    threads: int,
    cpu: int | None,
    target: float,
    longest: float,
) -> None:
    """Add what one pair of processes has to say, in about ``target`` seconds of turns.

    After ``longest`` seconds no further build is begun.
    """
    ratios: dict[Direction, list[list[float]]] = {
        name: [[] for _ in batches] for name in DIRECTIONS
    }
    # Where a start is too short for every batch, the next ones go on with the others.
    number = _QUARTETS[0] * len(times.starts)
    began = time.monotonic()
    for build in range(_BUILDS):
        if build and time.monotonic() - began > longest:
            break  # a slow codec: rather fewer builds than fewer starts
        for side in sides:
            side.begin_load(times.cell, threads)
        for side in sides:
            side.finish()
            side.keep(batches, cpu)
        # All batches once, to warm up; the last time tells how long a turn should be.
        for side in sides:
            took = [sum(map(sum, side.turn(batch, 1))) for batch in range(len(batches))]
        once = median(took)
        calls = min(_MOST_CALLS, max(1, round(_TURN / once)))
        count = round(target / (_BUILDS * 4 * calls * once))
        for _ in range(max(_QUARTETS[0], min(_QUARTETS[1], count))):
            # Over all builds, each batch has its turn, and each side begins as often.
            batch = number % len(batches)
            first, second = sides if number % 2 == 0 else reversed(sides)
            number += 1
            turns: dict[str, list[dict[Direction, float]]] = {"base": [], "head": []}
            for side in (first, second, second, first):
                turns[side.label].append(_turn(side, batch, calls))
            for name in DIRECTIONS:
                before, after = (
                    (turns[label][0][name], turns[label][1][name]) for label in ("base", "head")
                )
                ratios[name][batch].append(quartet(before, after))
                times.seconds[name] += before
    encode, decode = (tuple(tuple(one) for one in ratios[name] if one) for name in DIRECTIONS)
    times.starts.append(Start(encode, decode))


def _turn(side: Side, batch: int, calls: int) -> dict[Direction, float]:
    """Seconds of one call, by direction: the least of several."""
    encode, decode = side.turn(batch, calls)
    return {"encode": min(encode), "decode": min(decode)}


def _timed(times: _CellTimes, comparisons: int, demand: Demand) -> Timed | LicError:
    if times.failed is not None:
        return times.failed
    if len(times.starts) < FEWEST:
        return UnavailableError(
            f"{len(times.starts)} pairs of processes within --budget {demand.budget:g} s, and "
            f"{FEWEST} are needed for any interval; raise --budget, or choose fewer cells"
        )
    estimates = {
        direction: estimate(
            times.values(direction),
            comparisons=comparisons,
            threshold=demand.fail_slower,
            last=not times.clear,
        )
        for direction in DIRECTIONS
    }
    seconds = {direction: median(times.seconds[direction]) for direction in DIRECTIONS}
    return Timed(tuple(times.starts), seconds, estimates)


def _processors(threads: int) -> Iterator[int | None]:
    """For each start the processor that both processes run on; None where it is the system's."""
    if threads == 1 and hasattr(os, "sched_getaffinity"):
        return cycle(sorted(os.sched_getaffinity(0)))
    return repeat(None)
