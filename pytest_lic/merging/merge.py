"""One result of many shards, as if one machine had run them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TypeVar

from pytest_lic.baselines.comparison import Verdict
from pytest_lic.baselines.layered import by_digest
from pytest_lic.errors import ResultsError
from pytest_lic.merging.belonging import in_order
from pytest_lic.merging.left_curves import LeftCurves
from pytest_lic.merging.shard_results import ShardResults
from pytest_lic.results.json_file import Frame, parts_around
from pytest_lic.results.long_file import KeptPoint, KeptTest, kept_test, read_point, read_test
from pytest_lic.results.results import (
    ComplexityResult,
    CurveResult,
    MemoryResult,
    PointResult,
    Results,
    TestResult,
)
from pytest_lic.results.shard_facts import LeftCurve
from pytest_lic.results.worst_images import worst_images
from pytest_lic.system.text_files import TextFiles

NOTHING = 5
"""pytest's exit status where no test was chosen."""

_Result = TypeVar("_Result", CurveResult, ComplexityResult, MemoryResult)
_AT_HAND = 10_000  # points, which several curves of one family may be compared with


@dataclass(frozen=True)
class Merged:
    """The results of all shards as those of one run, points and tests sorted."""

    frame: Frame
    points: Sequence[KeptPoint]
    tests: Sequence[KeptTest]
    files: TextFiles

    def parts(self) -> Iterator[str]:
        """The text of the results file, in parts."""
        points = (self._text(point) for point in self.points)
        return parts_around(self.frame, points, (self._text(test) for test in self.tests))

    @property
    def results(self) -> Results:
        """All but the points and the tests."""
        return self.frame.results

    @property
    def verdicts(self) -> Iterator[Verdict]:
        """Those on points and curves."""
        yield from (point.verdict for point in self.points)
        yield from (curve.comparison.verdict for curve in self.results.curves)

    @property
    def failed(self) -> Iterator[TestResult]:
        """The tests that failed."""
        failed = (test for test in self.tests if test.outcome == "failed")
        return (read_test(self.files.read(test.place)) for test in failed)

    def _text(self, one: KeptPoint | KeptTest) -> str:
        return self.files.read(one.place).decode()


def merge(named: Mapping[str, ShardResults], command: Sequence[str], files: TextFiles) -> Merged:
    """The results of all shards as those of one run.

    Args:
        named: file → the shard in it.
        command: the command line that merges them.
        files: holds the shards' points and tests.

    Raises:
        ResultsError: they are not all the shards of one run; the one that is wrong is named.
    """
    ordered = in_order(named)
    shards = [shard for _, shard in ordered]
    parts = [shard.frame.results for shard in shards]
    points = {point.subject: point for shard in shards for point in shard.points}
    tests = {test.id: test for shard in shards for test in shard.tests}
    environments = {
        digest: its for shard in shards for digest, its in shard.frame.environments.items()
    }

    @lru_cache(_AT_HAND)
    def point(subject: str) -> PointResult | None:
        one = points.get(subject)
        return None if one is None else read_point(files.read(one.place), environments)

    judged, curve_tests = _judge_left(shards, point, tests, files)
    tests |= curve_tests
    curves = _by_subject([*(curve for part in parts for curve in part.curves), *judged])
    crops = {(crop.subject, crop.image): crop for part in parts for crop in part.crops}
    in_order_of_id = [points[subject] for subject in sorted(points)]
    regressed = (one for one in in_order_of_id if one.verdict is Verdict.REGRESSED)
    worst = worst_images(read_point(files.read(one.place), environments) for one in regressed)
    chosen = [(measured.cell.id, image) for _, measured, image in worst]
    newest = max(shards, key=lambda shard: shard.run.created).run
    failures = [f"{name}: {its.run.failure}" for name, its in ordered if its.run.failure]
    results = Results(
        replace(
            newest,
            exit_status=exit_status(shards, curve_tests.values()),
            command=tuple(command),
            failure="; ".join(failures),
        ),
        parts[0].families,
        (),
        curves,
        (),
        tuple(time for part in parts for time in part.times),
        tuple(sorted(remark for part in parts for remark in part.remarks)),
        tuple(crops[key] for key in chosen if key in crops),
        _by_subject(one for part in parts for one in part.complexity),
        _by_subject(one for part in parts for one in part.memory),
        tuple(
            sorted((one for part in parts for one in part.progressive), key=lambda one: one.subject)
        ),
    )
    metrics = frozenset().union(*(shard.frame.metrics for shard in shards))
    return Merged(
        Frame(results, by_digest(environments.values()), metrics),
        in_order_of_id,
        [tests[id] for id in sorted(tests)],
        files,
    )


def exit_status(shards: Iterable[ShardResults], curve_tests: Iterable[KeptTest]) -> int:
    """pytest's, had one machine run all: 1 where a shard failed, or a curve that it left."""
    statuses = {shard.run.exit_status for shard in shards}
    if 1 in statuses or any(test.outcome == "failed" for test in curve_tests):
        return 1
    return NOTHING if statuses == {NOTHING} else 0


def _judge_left(
    shards: Sequence[ShardResults],
    point: Callable[[str], PointResult | None],
    tests: Mapping[str, KeptTest],
    files: TextFiles,
) -> tuple[list[CurveResult], dict[str, KeptTest]]:
    """The curves that shards left, and their tests, by id."""
    facts = [shard.facts for shard in shards if shard.facts is not None]
    failed = [test for test in tests.values() if test.outcome == "failed"]
    failed.sort(key=lambda test: test.of_rd)  # of a cell, the test of its point counts
    failing = {test.subject: test for test in failed}

    def failure(subject: str) -> str | None:
        test = failing.get(subject)
        return None if test is None else read_test(files.read(test.place)).text

    judge = LeftCurves(shards[0].run, facts[0], shards[0].families, point, failure)
    left: dict[str, LeftCurve] = {each.curve.id: each for its in facts for each in its.left}
    waiting = [read_test(files.read(test.place)) for test in tests.values() if test.left]
    unknown = next((test.subject for test in waiting if test.subject not in left), None)
    if unknown is not None:
        raise ResultsError(f"curve {unknown} was left to the merge, but no shard lists it")
    judged = {test.subject: judge.judge(left[test.subject]) for test in waiting}
    ended = {
        test.id: kept_test(
            replace(test, outcome=judged[test.subject].outcome, text=judged[test.subject].text)
        )
        for test in waiting
    }
    return [one.result for one in judged.values() if one.result is not None], ended


def _by_subject(results: Iterable[_Result]) -> tuple[_Result, ...]:
    return tuple(sorted(results, key=lambda result: result.comparison.subject))
