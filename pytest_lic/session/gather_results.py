"""The `Results` of a run, from the records and outcomes of its tests."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from pytest_lic.results.records import PointRecord, Record, Remark, of_kind
from pytest_lic.results.results import (
    ComplexityResult,
    CurveResult,
    FamilyFacts,
    MemoryResult,
    ProgressiveResult,
    Results,
    RunFacts,
    TestResult,
    TimeResult,
)
from pytest_lic.run.setup import Setup
from pytest_lic.system.environment import package_version
from pytest_lic.timing.saved_runs import is_ours

_Result = TypeVar("_Result", CurveResult, ComplexityResult, MemoryResult)


def results_of(
    setup: Setup,
    records: Sequence[Record],
    tests: Sequence[TestResult],
    benchmarks: Iterable[Any],
    exit_status: int,
    failure: str = "",
) -> Results:
    """All that a run found out, in an order that does not depend on how it was spread.

    Args:
        setup: whose options and families count.
        records: what the tests left.
        tests: how each of them ended.
        benchmarks: pytest-benchmark's, of which only those of codecs are taken.
        exit_status: pytest's.
        failure: why the run failed after its tests, if it did.
    """
    # A cell that can't be had is told of by each of its tests.
    points = {record.comparison.subject: record.result for record in of_kind(records, PointRecord)}
    return Results(
        _facts(setup, exit_status, failure),
        {
            family.name: FamilyFacts(dict(family.qualities), dict(family.tags))
            for family in setup.selected_families
        },
        tuple(points[subject] for subject in sorted(points)),
        _by_subject(of_kind(records, CurveResult)),
        tuple(sorted(tests, key=lambda test: test.id)),
        tuple(_times(benchmarks)),
        tuple(sorted(f"{remark.subject}: {remark.text}" for remark in of_kind(records, Remark))),
        complexity=_by_subject(of_kind(records, ComplexityResult)),
        memory=_by_subject(of_kind(records, MemoryResult)),
        progressive=tuple(
            sorted(of_kind(records, ProgressiveResult), key=lambda result: result.subject)
        ),
    )


def _by_subject(results: Iterable[_Result]) -> tuple[_Result, ...]:
    return tuple(sorted(results, key=lambda result: result.comparison.subject))


def _facts(setup: Setup, exit_status: int, failure: str) -> RunFacts:
    commit = setup.commit
    return RunFacts(
        created=datetime.now(UTC),
        pytest_lic=package_version("pytest-lic") or "",
        exit_status=exit_status,
        command=("pytest", *(shlex.quote(word) for word in setup.shared.origin.args)),
        commit=None if commit is None else commit.id,
        changed=commit is not None and commit.changed,
        strict=setup.options.strict,
        tolerances=setup.options.tolerances,
        failure=failure,
    )


def _times(benchmarks: Iterable[Any]) -> Iterator[TimeResult]:
    for bench in benchmarks:
        if bench and is_ours(bench.extra_info):
            stats = bench.stats
            yield TimeResult(
                bench.fullname, stats.median, stats.iqr, stats.rounds, bench.extra_info
            )
