"""Under xdist a network stays in one worker, curves come last, and a dead worker loses nothing.

The workers here are simulated, down to the rule that makes the scheduler what it is: a worker
begins a test only when it knows the next one, or that there is none.
"""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("xdist", reason="the scheduler is pytest-xdist's to call")

from pytest_lic.session.scheduler import Layout, NetworkScheduling


class Worker:
    """What the controller sees of one worker process, and what happens inside it."""

    def __init__(self, name: str) -> None:
        self.gateway = SimpleNamespace(id=name)
        self.queue: deque[int] = deque()
        self.running: int | None = None
        self.told_to_end = False
        self.dead = False

    @property
    def shutting_down(self) -> bool:
        return self.told_to_end or self.dead

    def send_runtest_some(self, tests: Sequence[int]) -> None:
        assert not self.told_to_end, "a worker that was told to end can't be sent a test"
        self.queue += tests

    def shutdown(self) -> None:
        self.told_to_end = True

    @property
    def can_begin(self) -> bool:
        """A worker begins a test once it knows what comes after it."""
        waiting = len(self.queue) + self.told_to_end
        return self.running is None and bool(self.queue) and waiting > 1


class Session:
    """xdist's side of a run, its events in a random order."""

    def __init__(self, tests: list[str], layout: Layout, workers: int, seed: int = 0) -> None:
        self.tests = tests
        self.layout = layout
        self.random = random.Random(seed)
        self.collect_reports: list[pytest.CollectReport] = []
        hook = SimpleNamespace(
            pytest_collectreport=lambda report: self.collect_reports.append(report)
        )
        config: Any = SimpleNamespace(
            getvalue=lambda name: [f"{workers}*popen"], getoption=lambda name: None, hook=hook
        )
        self.scheduler = NetworkScheduling(config, layout)
        self.workers: list[Worker] = []
        self.begun: list[tuple[Worker, str]] = []
        self.reported: list[str] = []
        self.crashed: list[str] = []

    def join(self, tests: list[str] | None = None) -> Worker:
        """A worker comes up and collects."""
        worker = Worker(f"gw{len(self.workers)}")
        self.workers.append(worker)
        self.scheduler.add_node(worker)
        self.scheduler.add_node_collection(worker, list(self.tests if tests is None else tests))
        if self.scheduler.collection_is_completed:
            self.scheduler.schedule()
        self._after_event()
        return worker

    def kill(self, worker: Worker) -> None:
        """A worker dies, as xdist notices it; it does not linger over a test it can begin."""
        if worker.can_begin:
            self._step(worker)
        worker.dead = True
        running, worker.running = worker.running, None
        crashed = self.scheduler.remove_node(worker)
        assert crashed == (self.tests[running] if running is not None else None)
        if crashed is not None:
            self.crashed.append(crashed)
        self._after_event()

    def steps(self) -> Iterator[None]:
        """One event after the other, until no worker can do anything."""
        while True:
            alive = [worker for worker in self.workers if not worker.dead]
            able = [worker for worker in alive if worker.can_begin or worker.running is not None]
            if not able:
                return
            self._step(self.random.choice(able))
            yield

    def run(self) -> None:
        """All events, and what must hold at the end of every run."""
        for _ in self.steps():
            pass
        assert self.scheduler.tests_finished
        assert all(worker.told_to_end for worker in self.workers if not worker.dead)
        assert sorted(self.reported + self.crashed) == sorted(self.tests)

    def workers_of(self, network: str) -> set[str]:
        """The workers that began a test of a network."""
        return {
            worker.gateway.id for worker, test in self.begun if self.layout.unit(test) == network
        }

    def _step(self, worker: Worker) -> None:
        if worker.running is None:
            worker.running = worker.queue.popleft()
            test = self.tests[worker.running]
            self.begun.append((worker, test))
            if self.layout.is_curve(test):
                points = [other for other in self.tests if not self.layout.is_curve(other)]
                missing = set(points) - set(self.reported) - set(self.crashed)
                assert not missing, f"{test} began before {sorted(missing)[0]} was in"
        else:
            self.reported.append(self.tests[worker.running])
            done, worker.running = worker.running, None
            self.scheduler.mark_test_complete(worker, done)
            self._after_event()

    def _after_event(self) -> None:
        if self.scheduler.tests_finished:
            for worker in self.scheduler.nodes:
                worker.shutdown()


def suites(networks: int, tests: int = 3, curves: int = 2) -> tuple[list[str], Layout]:
    """The node ids of a run, function by function, and the layout that belongs to them."""
    cells = [f"codec-q{number}-photos-native-b1-cpu" for number in range(networks)]
    named = [f"codec{number}-photos-native-b1-cpu" for number in range(curves)]
    ids = [f"suites/test_{test}.py::test_{test}[{cell}]" for test in range(tests) for cell in cells]
    ids += [f"suites/test_rd.py::test_curve[{curve}]" for curve in named]
    layout = Layout({cell: cell.split("-photos")[0] for cell in cells}, frozenset(named))
    return ids, layout


def session(networks: int, workers: int, seed: int = 0, **counts: int) -> Session:
    """A run whose workers have all collected."""
    made = Session(*suites(networks, **counts), workers, seed)
    for _ in range(workers):
        made.join()
    return made


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(("networks", "workers"), [(5, 2), (3, 3), (7, 4), (1, 1)])
def test_every_test_runs_once_each_network_in_one_worker_curves_last(
    networks: int, workers: int, seed: int
) -> None:
    run = session(networks, workers, seed)
    run.run()
    assert run.crashed == []
    for number in range(networks):
        assert len(run.workers_of(f"codec-q{number}")) == 1


def test_networks_spread_over_the_workers() -> None:
    run = session(networks=4, workers=4, curves=0)
    run.run()
    assert {frozenset(run.workers_of(f"codec-q{number}")) for number in range(4)} == {
        frozenset({f"gw{number}"}) for number in range(4)
    }


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_a_run_of_curves_alone_ends(workers: int) -> None:
    run = session(networks=0, workers=workers, curves=5)
    run.run()
    assert len(run.reported) == 5


def test_more_workers_than_networks_leaves_the_rest_idle() -> None:
    run = session(networks=1, workers=5, curves=1)
    run.run()
    assert len(run.workers_of("codec-q0")) == 1


def test_an_empty_collection_ends_at_once() -> None:
    run = session(networks=0, workers=2, curves=0)
    assert run.scheduler.tests_finished
    assert all(worker.told_to_end for worker in run.workers)


def test_other_tests_are_units_of_their_own() -> None:
    _, layout = suites(1)
    run = Session([f"tests/test_mine.py::test_{number}" for number in range(4)], layout, 2)
    run.join()
    run.join()
    assert [list(worker.queue) for worker in run.workers] == [[0, 2], [1, 3]]
    run.run()


def test_a_folder_with_brackets_in_its_name_does_not_split_a_network() -> None:
    _, layout = suites(1)
    cell = "codec-q0-photos-native-b1-cpu"
    assert layout.unit(f"venv[3.11]/suites/test_rd.py::test_point[{cell}]") == "codec-q0"


@pytest.mark.parametrize("seed", range(40))
def test_a_dead_worker_loses_only_the_test_it_died_in(seed: int) -> None:
    run = session(networks=4, workers=2, seed=seed)
    deadline = run.random.randrange(1, 25)
    for count, _ in enumerate(run.steps()):
        if count == deadline:
            victim = run.random.choice([worker for worker in run.workers if not worker.dead])
            run.kill(victim)
            run.join()
    run.run()
    assert len(run.crashed) <= 1
    assert len(run.reported) == len(set(run.reported))


@pytest.mark.parametrize("seed", range(20))
def test_workers_that_die_again_and_again_do_not_stall_the_run(seed: int) -> None:
    run = session(networks=6, workers=3, seed=seed)
    for count, _ in enumerate(run.steps()):
        if count % 7 == 6 and count < 60:
            alive = [worker for worker in run.workers if not worker.dead]
            run.kill(run.random.choice(alive))
            run.join()
    run.run()


def test_a_worker_that_dies_while_it_holds_a_curve_did_not_crash_in_it() -> None:
    run = session(networks=2, workers=2, tests=2, curves=1)
    holder = None
    for _ in run.steps():
        holders = [
            worker
            for worker in run.workers
            if not worker.dead and worker.running is None and len(worker.queue) == 1
        ]
        if holders and run.layout.is_curve(run.tests[holders[0].queue[0]]):
            holder = holders[0]
            break
    assert holder is not None, "with two workers, one is done before the other"
    run.kill(holder)
    assert run.crashed == []
    run.join()
    run.run()
    assert run.reported[-1].endswith("test_curve[codec0-photos-native-b1-cpu]")


def test_a_worker_is_sent_no_more_than_it_needs_so_that_a_stopped_run_stops() -> None:
    run = session(networks=1, workers=1, tests=100, curves=0)
    assert len(run.workers[0].queue) == 2
    for count, _ in enumerate(run.steps()):
        if count == 10:
            run.workers[0].shutdown()  # as xdist does after -x
    assert len(run.reported) < 10


def test_a_test_that_a_plugin_wants_again_runs_again() -> None:
    run = session(networks=2, workers=2)
    again = run.tests[0]
    for count, _ in enumerate(run.steps()):
        if count == 4:
            run.scheduler.mark_test_pending(again)
    assert run.reported.count(again) == 2
    assert run.scheduler.tests_finished


def test_workers_that_collected_different_tests_are_a_collection_error() -> None:
    ids, layout = suites(2)
    run = Session(ids, layout, 2)
    run.join()
    run.join(tests=ids[1:])
    assert [report.outcome for report in run.collect_reports] == ["failed"]
    assert "Different tests were collected" in str(run.collect_reports[0].longrepr)
    assert run.begun == []
    assert run.scheduler.tests_finished


def test_a_replacement_that_collected_other_tests_ends_the_run() -> None:
    run = session(networks=6, workers=2)
    for count, _ in enumerate(run.steps()):
        if count == 4:
            run.kill(run.workers[0])
            run.join(tests=run.tests[1:])
    assert [report.outcome for report in run.collect_reports] == ["failed"]
    assert run.scheduler.tests_finished
    assert run.workers[-1].queue == deque()


@pytest.mark.parametrize("networks", [1, 1000, 50_000])
def test_a_hundred_thousand_tests_take_seconds_to_hand_out(networks: int) -> None:
    ids, layout = suites(networks, tests=100_000 // networks, curves=100)
    run = Session(ids, layout, 8)
    start = time.process_time()
    for _ in range(8):
        run.join()
    working = deque(run.workers)
    count = 0
    while working:
        worker = working.popleft()
        if worker.can_begin:
            run.scheduler.mark_test_complete(worker, worker.queue.popleft())
            count += 1
            working.append(worker)
        elif not worker.told_to_end:
            working.append(worker)
    assert count == len(ids)
    assert time.process_time() - start < 10
