"""From what the tests of a run reported to its `Results`."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pytest_lic.baselines.comparison import Comparison
from pytest_lic.measuring.grid import Setting
from pytest_lic.measuring.measure import Measurement
from pytest_lic.results.results import (
    AnchorResult,
    CurveResult,
    FamilyFacts,
    PointResult,
    Results,
    RunFacts,
    TestResult,
    TimeResult,
)
from pytest_lic.run.setup import Setup
from pytest_lic.system.environment import package_version
from pytest_lic.system.typed_json import structured
from pytest_lic.timing.saved_runs import is_ours

Record = Mapping[str, Any]


def results_of(
    setup: Setup,
    records: Sequence[Record],
    tests: Sequence[TestResult],
    benchmarks: Iterable[Any],
    exit_status: int,
) -> Results:
    """All that a run found out, in an order that does not depend on how it was spread.

    Args:
        setup: whose options and families count.
        records: what the tests left (see `Gate`).
        tests: how each of them ended.
        benchmarks: pytest-benchmark's, of which only those of codecs are taken.
        exit_status: pytest's.
    """
    points = [_point(record) for record in records if record["kind"] == "point"]
    curves = [_curve(record) for record in records if record["kind"] == "curve"]
    chosen = {family.name: family for family in setup.selected_families}
    return Results(
        _facts(setup, exit_status),
        {
            name: FamilyFacts(dict(family.qualities), dict(family.tags))
            for name, family in chosen.items()
        },
        tuple(sorted(points, key=lambda point: point.comparison.subject)),
        tuple(sorted(curves, key=lambda curve: curve.comparison.subject)),
        tuple(sorted(tests, key=lambda test: test.id)),
        tuple(_times(benchmarks)),
        tuple(
            sorted(
                f"{record['subject']}: {record['text']}"
                for record in records
                if record["kind"] == "remark"
            )
        ),
    )


def _facts(setup: Setup, exit_status: int) -> RunFacts:
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
    )


def _point(record: Record) -> PointResult:
    return PointResult(
        structured(record["comparison"], Comparison),
        _measurement(record.get("measurement")),
        _measurement(record.get("baseline")),
    )


def _measurement(stored: Mapping[str, Any] | None) -> Measurement | None:
    return None if stored is None else structured(stored, Measurement)


def _curve(record: Record) -> CurveResult:
    return CurveResult(
        structured(record["comparison"], Comparison),
        record["family"],
        Setting(**record["place"]),
        tuple(
            AnchorResult(**{**anchor, "points": tuple(map(tuple, anchor["points"]))})
            for anchor in record.get("anchors", ())
        ),
    )


def _times(benchmarks: Iterable[Any]) -> Iterable[TimeResult]:
    for bench in benchmarks:
        if bench and is_ours(bench.extra_info):
            stats = bench.stats
            yield TimeResult(
                bench.fullname, stats.median, stats.iqr, stats.rounds, bench.extra_info
            )
