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
from dataclasses import dataclass
from typing import Any

import pytest
from xdist.scheduler import LoadScheduling
from xdist.workermanage import WorkerController

from pytest_lic.session.collecting import bracketed

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
        return self.networks.get(bracketed(nodeid), nodeid)

    def is_curve(self, nodeid: str) -> bool:
        """Whether a test waits for all others."""
        return bracketed(nodeid) in self.curves


class NetworkScheduling(LoadScheduling):  # type: ignore[misc]  # xdist has no types
    """xdist's ``LoadScheduling``, with each network in one worker and curves last.

    A worker's ``node2pending``, xdist's, is what it was sent and has not reported.

    Args:
        config: the controller's.
        layout: which tests belong together.
        log: xdist's.
    """

    collection: list[str] | None

    def __init__(self, config: pytest.Config, layout: Layout, log: Any = None) -> None:
        super().__init__(config, log)
        self._layout = layout
        self._units: deque[deque[int]] = deque()  # that no worker has
        self._curves: deque[int] = deque()  # that no worker has
        self._curve_tests: frozenset[int] = frozenset()
        self._rest: dict[WorkerController, deque[int]] = {}  # of its unit, yet to be sent

    @property
    def tests_finished(self) -> bool:
        """Whether every test has been reported: what is still to do is set off by `_feed`."""
        return self.collection_is_completed and not self.has_pending

    @property
    def has_pending(self) -> bool:
        """Whether any test has not been reported."""
        unsent = self._units or self._curves or any(self._rest.values())
        return bool(unsent) or any(self.node2pending.values())

    def add_node_collection(self, node: WorkerController, collection: Sequence[str]) -> None:
        """A worker has collected."""
        self.node2collection[node] = list(collection)
        if self.collection is not None and not self._check_nodes_have_same_collection():
            # A replacement that means other tests by our numbers: end the run, don't wait for it.
            self._units.clear()
            self._curves.clear()
            node.shutdown()

    def remove_node(self, node: WorkerController) -> str | None:
        """A worker is gone; what it had not begun goes to others. Returns what it died in."""
        held = self._holds_curve_back(node)
        sent = self.node2pending.pop(node)
        begun = len(sent) > 1 or (bool(sent) and not held)
        left = [*sent, *self._rest.pop(node, ())]
        crashed = left.pop(0) if begun else None
        self._take_back(left)
        return None if crashed is None or self.collection is None else self.collection[crashed]

    def mark_test_pending(self, item: str) -> None:
        """Run a test again, as a plugin may ask when its worker died."""
        assert self.collection is not None
        self._take_back([self.collection.index(item)])

    def schedule(self) -> None:
        """Hand out work, first when all workers have collected, then when one is replaced."""
        if self.collection is None:
            if not self._check_nodes_have_same_collection():
                return
            self.collection = next(iter(self.node2collection.values()))
            self._split(self.collection)
        self._feed()

    def check_schedule(self, node: WorkerController, duration: float = 0) -> None:
        """A worker has reported a test."""
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

    def _take_back(self, tests: Sequence[int]) -> None:
        """Hand out these next: the points as one unit."""
        if points := deque(test for test in tests if test not in self._curve_tests):
            self._units.appendleft(points)
        self._curves.extendleft(test for test in reversed(tests) if test in self._curve_tests)
        self._feed()

    def _feed(self) -> None:
        """Tell every worker what comes next: of its unit, of a new one, a curve, or nothing."""
        while dry := [node for node in self.nodes if self._is_dry(node)]:
            # The emptiest first, so that the first units spread over all workers.
            node = min(dry, key=lambda node: len(self.node2pending[node]))
            if rest := self._rest.get(node):
                self._send(node, rest.popleft())
            elif self._units:
                self._rest[node] = self._units.popleft()
            elif self._curves:
                self._send(node, self._curves.popleft())
            else:
                node.shutdown()

    def _is_dry(self, node: WorkerController) -> bool:
        """Whether a worker may be told what comes next, and doesn't know it yet."""
        return (
            node in self.node2collection
            and len(self.node2pending[node]) < _AHEAD
            and not node.shutting_down
            and not self._holds_curve_back(node)
        )

    def _holds_curve_back(self, node: WorkerController) -> bool:
        """Whether a worker has a curve, and points are not in: the next test would set it off."""
        return not self._curve_tests.isdisjoint(self.node2pending[node]) and (
            bool(self._units)
            or any(self._rest.values())
            or not all(map(self._curve_tests.issuperset, self.node2pending.values()))
        )

    def _send(self, node: WorkerController, test: int) -> None:
        self.node2pending[node].append(test)
        node.send_runtest_some([test])
