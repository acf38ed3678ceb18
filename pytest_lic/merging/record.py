"""Baselines from the results of a run that has ended, with the refusals of ``--lic-update``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pytest_lic.baselines.comparison import Comparison, Verdict, compare
from pytest_lic.baselines.entries import BaselineKey, Baselines
from pytest_lic.baselines.entry_json import same_results
from pytest_lic.errors import ResultsError
from pytest_lic.measuring.grid import Cell, point_id
from pytest_lic.measuring.measure import Measurement
from pytest_lic.merging.belonging import ENDED
from pytest_lic.results.results import ComplexityResult, MemoryResult, Results
from pytest_lic.run import update_costs, update_entries
from pytest_lic.run.update_entries import Point


def record(results: Results, baselines: Baselines, file: str) -> list[str]:
    """Write what was measured as baselines; a line for each thing that is recorded or refused.

    Args:
        results: of a run, merged if there were shards.
        baselines: the folder that they go to.
        file: what errors call the results.

    Raises:
        ResultsError: of one shard alone, of a run that did not end, or two cells of one baseline.
        BaselineError: a file of the folder can't be read or written.
    """
    if results.shard is not None:
        raise ResultsError(
            f"{file} is of shard {results.shard.name} alone; pytest-lic merge makes one result of "
            "all, which can be recorded"
        )
    if results.run.exit_status not in ENDED:
        raise ResultsError(
            f"{file}: the run did not come to its end (exit status {results.run.exit_status}); "
            "the baselines are as they were"
        )
    points = [
        _against(baselines, results, point.comparison, point.measured, point.baseline)
        for point in results.points
        if point.measured is not None
    ]
    _check_keys(points, file)
    broken = _broken(results)
    lines = update_entries.record(baselines, [], points, broken, update=True)
    found: list[ComplexityResult | MemoryResult] = [*results.complexity, *results.memory]
    lines += update_costs.record(baselines.folder, found, broken, update=True)
    return lines or ["baselines: nothing to record, all is as it was"]


def _against(
    baselines: Baselines,
    results: Results,
    comparison: Comparison,
    measured: Measurement,
    baseline: Measurement | None,
) -> Point:
    """A point as it stands against these baselines, which need not be those of the run."""
    found = baselines.find(measured.cell.family, BaselineKey.of(measured))
    if found is None:
        return Point(measured, replace(comparison, verdict=Verdict.NEW))
    if baseline is None or not same_results(found, baseline):
        comparison = compare(measured, found, results.run.tolerances)
    return Point(measured, comparison, found)


def _check_keys(points: list[Point], file: str) -> None:
    known: dict[tuple[str, BaselineKey], Cell] = {}
    for point in points:
        cell = point.measurement.cell
        other = known.setdefault((cell.family, BaselineKey.of(point.measurement)), cell)
        if other != cell:
            raise ResultsError(
                f"{file}: {other.id} and {cell.id} have one baseline; record of a run with one "
                "device and one batch size"
            )


def _broken(results: Results) -> set[tuple[str, str]]:
    """Family and quality of what failed anything but a comparison with what is recorded."""
    judged = {one.comparison.subject for one in results.points if one.measured is not None}
    curves = {one.comparison.subject for one in results.curves}
    failed = [
        test.subject
        for test in results.tests
        if test.outcome == "failed"
        and test.subject not in curves
        and not ("rd" in test.checks and test.subject in judged)
        and not {"complexity", "memory"} & set(test.checks)
    ]
    return {
        (family, quality)
        for family, quality in _qualities(results)
        if any(subject.startswith(f"{point_id(family, quality)}-") for subject in failed)
    }


def _qualities(results: Results) -> list[tuple[str, str]]:
    families: Mapping[str, Mapping[str, float | None]] = {
        name: facts.qualities for name, facts in results.families.items()
    }
    return [(name, quality) for name, its in families.items() for quality in its]
