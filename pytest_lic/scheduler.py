"""Which pytest-xdist worker runs what: a network's cells together, curves last.

A unit is all tests of one network; a test of anything else is a unit of its own. Free workers take
whole units, so each network is loaded by one worker. Curves read the points that any worker
measured, so they are held back until every point is in.

An xdist worker starts an item only when it knows the next one, or that there is none. That is what
holds a curve back: it is queued behind a worker's last point, which sets the point off, and
whatever is sent next sets off the curve.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from xdist.report import report_collection_diff
from xdist.workermanage import WorkerController, parse_tx_spec_config

_LOW = 2  # a worker with fewer items than this waiting asks for more


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
    collection: list[str] | None = None
    pending: list[int] = field(default_factory=list)


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
        self._units: deque[list[int]] = deque()
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
        """Whether nothing is left but what the workers' last items may still do."""
        if not self.collection_is_completed or self._units or self._curves:
            return False
        return all(len(worker.pending) < _LOW for worker in self._workers.values())

    @property
    def has_pending(self) -> bool:
        """Whether any test has not been reported."""
        waiting = bool(self._units or self._curves)
        return waiting or any(worker.pending for worker in self._workers.values())

    def add_node(self, node: WorkerController) -> None:
        """A worker is up."""
        self._workers[node] = _Worker()

    def add_node_collection(self, node: WorkerController, collection: Sequence[str]) -> None:
        """A worker has collected."""
        self._workers[node].collection = list(collection)

    def remove_node(self, node: WorkerController) -> str | None:
        """A worker is gone; what it had not begun goes to others. Returns what it died in."""
        pending = self._workers.pop(node).pending
        if not pending:
            return None
        assert self._tests is not None
        crashed, *left = pending
        points = [test for test in left if test not in self._curve_tests]
        if points:
            self._units.appendleft(points)
        self._curves.extendleft(test for test in reversed(left) if test in self._curve_tests)
        self._feed()
        return self._tests[crashed]

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
        units: dict[str, list[int]] = {}
        for index, nodeid in enumerate(tests):
            if self._layout.is_curve(nodeid):
                self._curves.append(index)
            else:
                units.setdefault(self._layout.unit(nodeid), []).append(index)
        self._units.extend(units.values())
        self._curve_tests = frozenset(self._curves)

    def _feed(self) -> None:
        """Give each worker that runs dry a unit; then hold curves, then release them."""
        ready = {
            node: worker
            for node, worker in self._workers.items()
            if worker.collection is not None and not node.shutting_down
        }
        while self._units:
            dry = [node for node, worker in ready.items() if len(worker.pending) < _LOW]
            if not dry:
                return
            # The emptiest first, so that the first units spread over all workers.
            node = min(dry, key=lambda node: len(ready[node].pending))
            self._send(node, self._units.popleft())
        for node, worker in ready.items():
            if len(worker.pending) >= _LOW:
                continue
            waits = any(test in self._curve_tests for test in worker.pending)
            if waits and self._points_pending():
                continue  # sending anything would set the curve off too early
            if self._curves:
                self._send(node, [self._curves.popleft()])
            else:
                node.shutdown()

    def _points_pending(self) -> bool:
        return any(
            test not in self._curve_tests
            for worker in self._workers.values()
            for test in worker.pending
        )

    def _send(self, node: WorkerController, tests: list[int]) -> None:
        self._workers[node].pending += tests
        node.send_runtest_some(tests)

    def _same_collections(self) -> bool:
        """Whether all workers collected the same; if not, say so as a collection error."""
        (first, worker), *others = self._workers.items()
        for node, other in others:
            difference = report_collection_diff(
                worker.collection or [], other.collection or [], first.gateway.id, node.gateway.id
            )
            if difference:
                report = pytest.CollectReport(node.gateway.id, "failed", difference, [])
                self.config.hook.pytest_collectreport(report=report)
                return False
        return True


def _parameter(nodeid: str) -> str:
    """What stands between the brackets of a parametrized test's id."""
    _, bracket, rest = nodeid.partition("[")
    return rest[:-1] if bracket and rest.endswith("]") else ""
