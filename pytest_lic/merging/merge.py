"""One result of many shards, as if one machine had run them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from pytest_lic.merging.belonging import in_order
from pytest_lic.merging.left_curves import LeftCurves
from pytest_lic.results.results import (
    ComplexityResult,
    CurveResult,
    MemoryResult,
    PointResult,
    Results,
    TestResult,
)
from pytest_lic.results.shard_facts import LEFT, LeftCurve
from pytest_lic.results.worst_images import worst_images

NOTHING = 5
"""pytest's exit status where no test was chosen."""

_Result = TypeVar("_Result", PointResult, CurveResult, ComplexityResult, MemoryResult)


def merge(named: Mapping[str, Results], command: Sequence[str]) -> Results:
    """The results of all shards as those of one run.

    Args:
        named: file → the results of a shard in it.
        command: the command line that merges them.

    Raises:
        ResultsError: they are not all the shards of one run; the one that is wrong is named.
    """
    named_shards = in_order(named)
    shards = [results for _, results in named_shards]
    points = _by_subject(point for shard in shards for point in shard.points)
    tests = {test.id: test for shard in shards for test in shard.tests}
    judged, curve_tests = _judge_left(shards, points, tests)
    tests |= curve_tests
    curves = _by_subject([*(curve for shard in shards for curve in shard.curves), *judged])
    crops = {(crop.subject, crop.image): crop for shard in shards for crop in shard.crops}
    chosen = [(measured.cell.id, image) for _, measured, image in worst_images(points)]
    newest = max(shards, key=lambda shard: shard.run.created).run
    failures = [f"{name}: {its.run.failure}" for name, its in named_shards if its.run.failure]
    return Results(
        replace(
            newest,
            exit_status=exit_status(shards, curve_tests.values()),
            command=tuple(command),
            failure="; ".join(failures),
        ),
        shards[0].families,
        points,
        curves,
        tuple(sorted(tests.values(), key=lambda test: test.id)),
        tuple(time for shard in shards for time in shard.times),
        tuple(sorted(remark for shard in shards for remark in shard.remarks)),
        tuple(crops[key] for key in chosen if key in crops),
        _by_subject(one for shard in shards for one in shard.complexity),
        _by_subject(one for shard in shards for one in shard.memory),
    )


def exit_status(shards: Iterable[Results], curve_tests: Iterable[TestResult]) -> int:
    """pytest's, had one machine run all: 1 where a shard failed, or a curve that it left."""
    statuses = {shard.run.exit_status for shard in shards}
    if 1 in statuses or any(test.outcome == "failed" for test in curve_tests):
        return 1
    return NOTHING if statuses == {NOTHING} else 0


def _judge_left(
    shards: Sequence[Results], points: Sequence[PointResult], tests: Mapping[str, TestResult]
) -> tuple[list[CurveResult], dict[str, TestResult]]:
    """The curves that shards left, and their tests, by id."""
    facts = [shard.shard for shard in shards if shard.shard is not None]
    failed = [test for test in tests.values() if test.outcome == "failed"]
    failed.sort(key=lambda test: "rd" in test.checks)  # of a cell, the test of its point counts
    judge = LeftCurves(
        shards[0].run,
        facts[0],
        shards[0].families,
        {point.comparison.subject: point for point in points},
        {test.subject: test for test in failed},
    )
    left: dict[str, LeftCurve] = {each.curve.id: each for its in facts for each in its.left}
    waiting = [test for test in tests.values() if LEFT in test.text]
    judged = {subject: judge.judge(left[subject]) for subject in {test.subject for test in waiting}}
    ended = {
        test.id: replace(test, outcome=judged[test.subject].outcome, text=judged[test.subject].text)
        for test in waiting
    }
    return [one.result for one in judged.values() if one.result is not None], ended


def _by_subject(results: Iterable[_Result]) -> tuple[_Result, ...]:
    return tuple(sorted(results, key=lambda result: result.comparison.subject))
