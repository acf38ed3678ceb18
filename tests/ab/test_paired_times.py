"""How one pair of processes is timed, with sides that take the times they are told to."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from pytest_lic.ab import paired_times
from pytest_lic.ab.estimate import value
from pytest_lic.ab.paired_times import _CellTimes, _one_start
from pytest_lic.measuring.grid import Cell, Setting

BATCHES = [Path(f"{index}.npy") for index in range(5)]


class Told:
    """A side whose encoder takes ``seconds`` of each batch; ``log`` is written down to by both."""

    def __init__(self, label: str, seconds: list[float], log: list[str]) -> None:
        self.label, self.seconds, self.log = label, seconds, log

    def begin_load(self, cell: Cell, threads: int) -> None:
        self.log.append(f"{self.label} loads")

    def finish(self) -> None:
        pass

    def keep(self, batches: list[Path], cpu: int | None) -> None:
        assert batches == BATCHES

    def turn(self, batch: int, calls: int) -> tuple[list[float], list[float]]:
        self.log.append(f"{self.label}{batch}")
        return [self.seconds[batch]] * calls, [0.01] * calls


def started(base: Told, head: Told, longest: float = 60.0, starts: int = 1) -> _CellTimes:
    progress = _CellTimes(Cell("toy", "1", Setting("images")))
    for _ in range(starts):
        _one_start(progress, (base, head), BATCHES, 1, None, 0.5, longest)  # type: ignore[arg-type]
    return progress


def test_what_is_slower_on_one_batch_is_seen_as_much_as_it_weighs() -> None:
    log: list[str] = []
    base = Told("base", [0.02] * 5, log)
    head = Told("head", [0.02, 0.02, 0.04, 0.02, 0.02], log)
    (start,) = started(base, head).starts
    assert math.exp(value(start.encode)) == pytest.approx(2 ** (1 / 5))
    assert value(start.decode) == pytest.approx(0.0)


def test_turns_alternate_so_that_drift_hits_both_sides_alike() -> None:
    log: list[str] = []
    started(Told("base", [0.02] * 5, log), Told("head", [0.02] * 5, log))
    per_build = 2 + 2 * len(BATCHES)  # loads, and each batch to warm up
    turns = [entry[:4] for entry in log[per_build:] if "loads" not in entry]
    assert turns[:8] == ["base", "head", "head", "base", "head", "base", "base", "head"]
    assert log.count("base loads") == log.count("head loads") == paired_times._BUILDS


def test_a_slow_codec_has_fewer_builds_and_its_batches_in_turn() -> None:
    log: list[str] = []
    base, head = Told("base", [9.0] * 5, log), Told("head", [9.9] * 5, log)
    progress = started(base, head, longest=0.0, starts=2)
    assert log.count("base loads") == 2, "one build a start"
    assert [len(start.encode) for start in progress.starts] == [3, 3], "of five batches"
    timed = [entry for entry in log if entry.startswith("base") and "loads" not in entry]
    warm_up = [f"base{index}" for index in range(5)]
    first, second = timed[: len(timed) // 2], timed[len(timed) // 2 :]
    assert first == warm_up + ["base0"] * 2 + ["base1"] * 2 + ["base2"] * 2
    assert second == warm_up + ["base3"] * 2 + ["base4"] * 2 + ["base0"] * 2
    for start in progress.starts:
        assert math.exp(value(start.encode)) == pytest.approx(1.1)
