"""Which pytest-xdist worker runs what: a network's cells together, curves last.

A unit is all tests of one network; a test of anything else is a unit of its own. Free workers take
whole units, so each network is loaded by one worker; its tests are sent as they are needed, so that
a run told to stop (``-x``) stops. Curves read the points that any worker measured, so they are held
back until every point is in.

An xdist worker starts a test only when it knows the next one, or that there is none. That is what
holds a curve back: it is sent behind a worker's last point, which sets the point off, and whatever
is sent next sets off the curve.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from xdist.report import report_collection_diff
from xdist.workermanage import WorkerController, parse_tx_spec_config

_AHEAD = 2  # tests that a worker knows: the one it runs, and the next


@dataclass(frozen=True)
class Layout:
    """Which tests belong together, by the id between a test's brackets.

    ``networks`` maps a cell's id to its network; ``curves`` are the ids of curves.
    """

    networks: Mapping[str, str]
    curves: frozenset[str]

    def unit(self, nodeid: str) -> str:
        """The name of the unit that a test belongs to."""
        return self.networks.get(_parameter(nodeid), nodeid)

    def is_curve(self, nodeid: str) -> bool:
        """Whether a test waits for all others."""
        return _parameter(nodeid) in self.curves


@dataclass
class _Worker:
    """``pending`` was sent and not reported, ``unit`` is yet to be sent.

    ``closed``: it was told that nothing more comes.
    """

    collection: list[str] | None = None
    pending: deque[int] = field(default_factory=deque)
    unit: deque[int] = field(default_factory=deque)
    closed: bool = False


class NetworkScheduling:
    """An xdist scheduler that keeps each network in one worker.

    Args:
        config: the controller's.
        layout: which tests belong together.
        log: xdist's, unused.
    """

    def __init__(self, config: pytest.Config, layout: Layout, log: Any = None) -> None:
        self.config = config
        self.log = log
        self._layout = layout
        self._expected = len(parse_tx_spec_config(config))
        self._workers: dict[WorkerController, _Worker] = {}
        self._tests: list[str] | None = None
        self._units: deque[deque[int]] = deque()
        self._curves: deque[int] = deque()
        self._curve_tests: frozenset[int] = frozenset()

    @property
    def nodes(self) -> list[WorkerController]:
        """The workers, as xdist asks for them."""
        return list(self._workers)

    @property
    def collection_is_completed(self) -> bool:
        """Whether as many workers as were started have collected."""
        collected = [worker for worker in self._workers.values() if worker.collection is not None]
        return self._tests is not None or len(collected) >= self._expected

    @property
    def tests_finished(self) -> bool:
        """Whether every test has been reported: what is still to do is set off by `_feed`."""
        return self.collection_is_completed and not self.has_pending

    @property
    def has_pending(self) -> bool:
        """Whether any test has not been reported."""
        waiting = bool(self._units or self._curves)
        return waiting or any(worker.pending or worker.unit for worker in self._workers.values())

    def add_node(self, node: WorkerController) -> None:
        """A worker is up."""
        self._workers[node] = _Worker()

    def add_node_collection(self, node: WorkerController, collection: Sequence[str]) -> None:
        """A worker has collected."""
        worker = self._workers[node]
        worker.collection = list(collection)
        if self._tests is not None and not self._agree("the others", self._tests, node):
            # A replacement that means other tests by our numbers: end the run, don't wait for it.
            self._units.clear()
            self._curves.clear()
            self._close(node)

    def remove_node(self, node: WorkerController) -> str | None:
        """A worker is gone; what it had not begun goes to others. Returns what it died in."""
        worker = self._workers.pop(node)
        left = [*worker.pending, *worker.unit]
        if not left:
            return None
        assert self._tests is not None
        # A worker begins its only test when it is told that no other comes.
        begun = worker.closed or len(worker.pending) > 1
        crashed = self._tests[left.pop(0)] if begun else None
        points = deque(test for test in left if test not in self._curve_tests)
        if points:
            self._units.appendleft(points)
        self._curves.extendleft(test for test in reversed(left) if test in self._curve_tests)
        self._feed()
        return crashed

    def mark_test_complete(
        self, node: WorkerController, item_index: int, duration: float = 0
    ) -> None:
        """A worker has reported a test."""
        self._workers[node].pending.remove(item_index)
        self._feed()

    def mark_test_pending(self, item: str) -> None:
        """Never called for schedulers that group tests."""
        raise NotImplementedError

    def remove_pending_tests_from_node(
        self, node: WorkerController, indices: Sequence[int]
    ) -> None:
        """Never called: no test is taken back."""
        raise NotImplementedError

    def schedule(self) -> None:
        """Hand out work, first when all workers have collected, then when one is replaced."""
        if self._tests is None:
            if not self._same_collections():
                return
            first = next(iter(self._workers.values()))
            self._tests = list(first.collection or ())
            self._split(self._tests)
        self._feed()

    def _split(self, tests: Sequence[str]) -> None:
        units: dict[str, deque[int]] = {}
        for index, nodeid in enumerate(tests):
            if self._layout.is_curve(nodeid):
                self._curves.append(index)
            else:
                units.setdefault(self._layout.unit(nodeid), deque()).append(index)
        self._units.extend(units.values())
        self._curve_tests = frozenset(self._curves)

    def _feed(self) -> None:
        """Tell every worker what comes next: of its unit, of a new one, a curve, or nothing."""
        while dry := self._dry():
            # The emptiest first, so that the first units spread over all workers.
            node = min(dry, key=lambda node: len(self._workers[node].pending))
            worker = self._workers[node]
            if worker.unit:
                self._send(node, worker.unit.popleft())
            elif self._units:
                worker.unit = self._units.popleft()
            elif self._curves:
                self._send(node, self._curves.popleft())
            else:
                self._close(node)

    def _dry(self) -> list[WorkerController]:
        """The workers that may be told what comes next, and don't know it yet."""
        points_left = bool(self._units) or any(
            worker.unit or not self._curve_tests.issuperset(worker.pending)
            for worker in self._workers.values()
        )
        return [
            node
            for node, worker in self._workers.items()
            if worker.collection is not None
            and len(worker.pending) < _AHEAD
            and not (worker.closed or node.shutting_down)
            # Whatever it is told would set off the curve that it holds.
            and not (points_left and self._curve_tests.intersection(worker.pending))
        ]

    def _send(self, node: WorkerController, test: int) -> None:
        self._workers[node].pending.append(test)
        node.send_runtest_some([test])

    def _close(self, node: WorkerController) -> None:
        self._workers[node].closed = True
        node.shutdown()

    def _same_collections(self) -> bool:
        """Whether all workers collected the same."""
        (first, worker), *others = self._workers.items()
        tests = worker.collection or []
        return all(self._agree(first.gateway.id, tests, node) for node, _ in others)

    def _agree(self, name: str, tests: Sequence[str], node: WorkerController) -> bool:
        """Whether a worker collected ``tests``, as ``name`` did; if not, a collection error."""
        collection = self._workers[node].collection or []
        difference = report_collection_diff(tests, collection, name, node.gateway.id)
        if difference:
            report = pytest.CollectReport(node.gateway.id, "failed", difference, [])
            self.config.hook.pytest_collectreport(report=report)
        return not difference


def _parameter(nodeid: str) -> str:
    """What stands between the brackets of a parametrized test's id."""
    _, bracket, rest = nodeid.rpartition("[")  # the last: a folder's name may have brackets too
    return rest[:-1] if bracket and rest.endswith("]") else ""
