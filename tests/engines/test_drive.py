"""Shards driven to their end by an engine that does as it is told: tried again, given up, kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from pytest_lic.engines.drive import drive
from pytest_lic.engines.task import Died, End, Ended, Hopeless, ShardTask
from pytest_lic.engines.work_folder import Request, WorkFolder
from pytest_lic.errors import UsageError
from pytest_lic.measuring.shards import Shard


class Scripted:
    """An engine whose shards end as a script says, one end a try."""

    def __init__(self, ends: dict[int, list[End]]) -> None:
        self.ends = ends
        self.submitted: list[int] = []
        self._waiting: list[Shard] = []

    @property
    def running(self) -> int:
        return len(self._waiting)

    def submit(self, tasks: Sequence[ShardTask]) -> None:
        self.submitted += [task.shard.number for task in tasks]
        self._waiting += [task.shard for task in tasks]

    def wait(self, seconds: float) -> Iterable[tuple[Shard, End]]:
        shard = self._waiting.pop(0)
        return [(shard, self.ends[shard.number].pop(0))]

    def close(self, *, interrupted: bool) -> str:
        return ""


class Noted:
    """What was displayed."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.last = (0, 0, 0)

    def update(self, done: int, running: int, lost: int) -> None:
        self.last = done, running, lost

    def say(self, text: str) -> None:
        self.said.append(text)


@pytest.fixture
def folder(tmp_path: Path) -> WorkFolder:
    return WorkFolder(tmp_path, Request(("-m", "rd"), 2, ".", "code", "3.11", "0.1"))


def both() -> list[ShardTask]:
    return [ShardTask(("-m", "rd"), Shard(number, 2)) for number in (1, 2)]


FINE = Ended(0, b"{}", "")


def test_a_shard_whose_machine_died_is_tried_again_and_that_is_said(folder: WorkFolder) -> None:
    engine, noted = Scripted({1: [Died("its node died"), FINE], 2: [FINE]}), Noted()
    assert drive(engine, both(), folder, 3, noted) == {}
    assert engine.submitted == [1, 2, 1]
    assert noted.said == ["shard 1/2: its node died; tried again (1 of 3)"]
    assert noted.last == (2, 0, 0)
    assert folder.file(Shard(1, 2)).read_bytes() == b"{}"


def test_one_that_dies_each_time_is_given_up_and_the_others_count(folder: WorkFolder) -> None:
    engine, noted = Scripted({1: [Died("no")] * 3, 2: [FINE]}), Noted()
    assert drive(engine, both(), folder, 2, noted) == {1: "no (3 times)"}
    assert engine.submitted == [1, 2, 1, 1]
    assert noted.last == (1, 0, 1)
    assert folder.file(Shard(2, 2)).is_file()


def test_what_is_hopeless_is_tried_once(folder: WorkFolder) -> None:
    engine = Scripted({1: [Hopeless("no GPU")], 2: [FINE]})
    assert drive(engine, both(), folder, 3, Noted()) == {1: "no GPU"}
    assert engine.submitted == [1, 2]


class AllAtOnce(Scripted):
    """One that tells of all that have ended together."""

    def wait(self, seconds: float) -> Iterable[tuple[Shard, End]]:
        return [end for _ in range(self.running) for end in super(AllAtOnce, self).wait(seconds)]


def test_what_arrived_beside_a_refused_shard_is_kept(folder: WorkFolder) -> None:
    with pytest.raises(UsageError, match="shard 1/2 did not come to its end"):
        drive(AllAtOnce({1: [Ended(4, b"", "")], 2: [FINE]}), both(), folder, 3, Noted())
    assert folder.file(Shard(2, 2)).is_file()


def test_what_pytest_refuses_ends_the_run_with_its_words(folder: WorkFolder) -> None:
    refused = Ended(4, b"", "x\nERROR: no codec is called joeg; did you mean jpeg?\n")
    with pytest.raises(UsageError, match=r"shard 1/2 did .*status 4\): no codec is called joeg"):
        drive(Scripted({1: [refused], 2: [FINE]}), both(), folder, 3, Noted())
