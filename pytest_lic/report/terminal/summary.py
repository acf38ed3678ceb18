"""The terminal summary: regressions first, then a table per family and setting."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence

import pytest
from rich.console import Console
from rich.markup import escape

from pytest_lic.baselines.comparison import Verdict
from pytest_lic.measuring.grid import Cell
from pytest_lic.measuring.measure import Measurement, reported_metrics
from pytest_lic.measuring.metrics import Metric
from pytest_lic.measuring.metrics.base import NONE
from pytest_lic.project.discovery import Families
from pytest_lic.report.terminal import times
from pytest_lic.report.terminal.conformance import conformance_lines
from pytest_lic.report.terminal.costs import cost_lines
from pytest_lic.report.terminal.environments import print_matrices
from pytest_lic.report.terminal.progressive import progressive_lines
from pytest_lic.report.terminal.text import folded
from pytest_lic.report.words import bd_rate_in, by_metric, comparison_text, difference_text, percent
from pytest_lic.results.records import (
    ConformanceRecord,
    EnvironmentsRecord,
    ErrorRecord,
    Judged,
    PointRecord,
    Record,
    Remark,
    TimeRecord,
    UntimedRecord,
    of_kind,
)
from pytest_lic.results.results import (
    AnchorResult,
    ComplexityResult,
    CurveResult,
    MemoryResult,
    ProgressiveResult,
)
from pytest_lic.system.groups import grouped

_STYLES = {
    Verdict.SAME: "green",
    Verdict.WITHIN: "green",
    Verdict.CHANGED: "yellow",
    Verdict.IMPROVED: "bold green",
    Verdict.NEW: "cyan",
    Verdict.UNAVAILABLE: "yellow",
    Verdict.MISSING: "red",
    Verdict.REGRESSED: "bold red",
    Verdict.ERROR: "bold red",
}

_SUBJECTS = 4
"""More cells with one remark share a line."""

_SAID_ELSEWHERE = (Verdict.ERROR, Verdict.MISSING, Verdict.NEW)

_Row = PointRecord | CurveResult


def write(reporter: pytest.TerminalReporter, records: Sequence[Record], families: Families) -> None:
    """Print the summary of what a run's tests left, of these families."""
    reporter.section("pytest-lic")
    _write_failures(reporter, records)
    console = Console(
        file=io.StringIO(),
        width=max(reporter._tw.fullwidth, 100),
        force_terminal=reporter.hasmarkup,
        highlight=False,
    )
    _print_tables(console, records, families)
    print_matrices(console, of_kind(records, EnvironmentsRecord))
    assert isinstance(console.file, io.StringIO)
    for text in console.file.getvalue().splitlines():
        reporter.write_line(text)
    for line in (*_closing(records), *times.partner_lines(reporter.config)):
        reporter.write_line(f"lic: {line}")


def _write_failures(reporter: pytest.TerminalReporter, records: Sequence[Record]) -> None:
    """What regressed, number by number, and what broke."""
    judged = [record for record in records if isinstance(record, Judged | ErrorRecord)]
    judged.sort(key=lambda record: record.comparison.subject)  # workers report in any order
    errors: dict[str, None] = {}  # each once: one broken codec fails many tests
    for record in judged:
        comparison, verdict = record.comparison, record.comparison.verdict
        if isinstance(record, ConformanceRecord | ComplexityResult | MemoryResult):
            if verdict in (Verdict.REGRESSED, Verdict.ERROR):
                reporter.write_line(comparison_text(comparison, ""), red=True)
        elif verdict is Verdict.REGRESSED:
            reporter.write_line(f"regressed: {comparison.subject}", red=True, bold=True)
            for difference in comparison.regressions:
                reporter.write_line(f"  {difference_text(difference)}")
        elif verdict is Verdict.ERROR:
            errors[comparison.reason] = None
    for reason in errors:
        reporter.write_line(f"error: {reason}", red=True)


def _print_tables(console: Console, records: Sequence[Record], families: Families) -> None:
    """One table for each family and setting, the worst first, its qualities in their order."""
    points = sorted(of_kind(records, PointRecord), key=lambda record: record.cell.id)
    rows: list[tuple[Cell | CurveResult, _Row]] = [(point.cell, point) for point in points]
    rows += [(curve, curve) for curve in of_kind(records, CurveResult)]
    groups = grouped(((place.family, place.setting.id), row) for place, row in rows)
    worst_first = sorted(
        groups.items(),
        key=lambda group: (-max(row.comparison.verdict.rank for row in group[1]), group[0]),
    )
    for (family, setting), group in worst_first:
        order = {label: place for place, label in enumerate(families[family].qualities)}
        _print_table(console, f"{family} on {setting}", order, group)


def _print_table(
    console: Console, title: str, order: Mapping[str, int], group: Sequence[_Row]
) -> None:
    """The points in the order of their qualities, then the curve."""
    points = sorted(
        of_kind(group, PointRecord), key=lambda point: order.get(point.cell.quality, 99)
    )
    curves = of_kind(group, CurveResult)
    metrics = reported_metrics(point.result.measured for point in points)
    blank = _numbers(None, metrics)
    headings = ("quality", *map(escape, blank), "BD-rate", "verdict")
    rows = []
    for point in points:
        numbers = _numbers(point.result.measured, metrics).values()
        rows.append((escape(point.cell.quality), *numbers, "", _styled(point.comparison.verdict)))
    for curve in curves:
        rate = percent(bd_rate_in(curve.comparison))
        rows.append(("curve", *[""] * len(blank), rate, _styled(curve.comparison.verdict)))
    for table in folded(headings, rows, console.width, title=escape(title)):
        console.print(table)
    for curve in curves:
        if curve.comparison.reason:
            console.print(f"  curve: {curve.comparison.reason}", markup=False)
        for anchor in curve.anchors:
            console.print(f"  {_anchor_text(anchor)}", markup=False)
    remarks = grouped(
        (point.comparison.reason, point.cell.quality)
        for point in points
        if point.comparison.reason and point.comparison.verdict not in _SAID_ELSEWHERE
    )
    for reason, qualities in remarks.items():
        console.print(f"  quality {', '.join(qualities)}: {reason}", markup=False)
    console.print()


def _styled(verdict: Verdict) -> str:
    return f"[{_STYLES[verdict]}]{verdict.value}[/]"


def _numbers(measurement: Measurement | None, metrics: Iterable[Metric]) -> dict[str, str]:
    """Heading → mean, the payload's share after what is told by the bitstream."""
    columns: dict[str, str] = {}
    for metric in metrics:
        if metric.of_pixels and "payload" not in columns:
            columns["payload"] = NONE if measurement is None else measurement.payload_text
        columns |= metric.columns(None if measurement is None else measurement.mean(metric.name))
    return columns


def _anchor_text(anchor: AnchorResult) -> str:
    others = "".join(f", {by} {percent(rate)}" for by, rate in by_metric(anchor).items())
    if anchor.bd_rate is None:
        return f"against {anchor.anchor}: BD-rate unavailable: {anchor.reason}{others}"
    gain = f", BD-PSNR {anchor.bd_psnr:+.3f} dB" if anchor.bd_psnr is not None else ""
    return f"against {anchor.anchor}: BD-rate {anchor.bd_rate:+.2f} %{gain}{others}"


def _closing(records: Sequence[Record]) -> Iterator[str]:
    """Averages, cache, missing metrics and remarks: what the tables need to be read rightly."""
    yield from _measured_lines(of_kind(records, PointRecord))
    yield from conformance_lines(of_kind(records, ConformanceRecord))
    yield from cost_lines(of_kind(records, ComplexityResult), of_kind(records, MemoryResult))
    yield from progressive_lines(of_kind(records, ProgressiveResult))
    yield from times.warm_up_lines(of_kind(records, TimeRecord))
    yield from times.untimed_lines(of_kind(records, UntimedRecord))
    remarks = grouped((remark.text, remark.subject) for remark in of_kind(records, Remark))
    for text, subjects in remarks.items():
        if len(subjects) > _SUBJECTS:
            yield f"{subjects[0]} and {len(subjects) - 1} more: {text}"
        else:
            yield from (f"{subject}: {text}" for subject in subjects)


def _measured_lines(records: Iterable[PointRecord]) -> Iterator[str]:
    points = [record for record in records if record.result.measured is not None]
    if not points:
        return
    metrics = reported_metrics(point.result.measured for point in points)
    means = ", ".join(metric.averaged for metric in metrics if metric.unit)
    yield f"means: {means}; bpp counts every byte of the stream"
    coded = sum(point.coded for point in points)
    if coded:
        cached = len(points) - coded
        yield f"{len(points)} points: {coded} measured now, {cached} from the cache"
    else:
        yield f"{len(points)} points, all from the cache: nothing was coded"
    unsafe = sorted({point.cell.family for point in points if not point.durable})
    if unsafe:
        yield f"measured anew each run, for want of a fingerprint: {', '.join(unsafe)}"
    measurements = [point.result.measured for point in points if point.result.measured is not None]
    reasons: dict[str, str] = {}
    for measurement in measurements:
        for metric, reason in measurement.unavailable().items():
            reasons.setdefault(metric, reason)
    for metric, reason in reasons.items():
        yield f"{metric} unavailable: {reason}"
    left_out = dict.fromkeys(name for measured in measurements for name in measured.left_out)
    if left_out:
        yield f"images left out: {', '.join(left_out)}"
    missing = sum(point.comparison.verdict is Verdict.MISSING for point in points)
    if missing:
        yield f"{missing} points have no baseline; record them with --lic-update-missing"
