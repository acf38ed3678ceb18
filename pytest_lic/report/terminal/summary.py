"""The terminal summary: regressions first, then a table per family and setting."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest
from rich.console import Console
from rich.table import Table

from pytest_lic.baselines.comparison import Comparison, Verdict
from pytest_lic.measuring.measure import Measurement
from pytest_lic.measuring.metrics import METRICS, QUALITIES
from pytest_lic.measuring.metrics.base import NONE
from pytest_lic.project.discovery import Families
from pytest_lic.report.terminal import times
from pytest_lic.report.terminal.conformance import conformance_lines
from pytest_lic.report.terminal.environments import print_matrices
from pytest_lic.report.words import comparison_text, difference_text

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

Record = Mapping[str, Any]


def write(reporter: pytest.TerminalReporter, records: Sequence[Record], families: Families) -> None:
    """Print the summary of a run's records."""
    judged = [record for record in records if "comparison" in record]
    judged.sort(key=lambda record: record["comparison"]["subject"])  # workers report in any order
    reporter.section("pytest-lic")
    for record in judged:
        comparison = Comparison.from_json(record["comparison"])
        if record["kind"] == "conformance" and _broke(comparison):
            reporter.write_line(comparison_text(comparison, ""), red=True)
        elif comparison.verdict is Verdict.REGRESSED:
            reporter.write_line(f"regressed: {comparison.subject}", red=True, bold=True)
            for difference in comparison.differences:
                if difference.regressed:
                    reporter.write_line(f"  {difference_text(difference)}")
    errors = [record["comparison"] for record in judged if record["kind"] != "conformance"]
    reasons = [each["reason"] for each in errors if each["verdict"] == Verdict.ERROR.value]
    for reason in dict.fromkeys(reasons):  # one broken codec fails many tests
        reporter.write_line(f"error: {reason}", red=True)
    tables = [record for record in judged if record["kind"] in ("point", "curve")]
    compared = [record for record in records if record["kind"] == "environments"]
    console = Console(
        file=io.StringIO(),
        width=max(reporter._tw.fullwidth, 100),
        force_terminal=reporter.hasmarkup,
        highlight=False,
    )
    _tables(console, tables, families)
    print_matrices(console, compared)
    assert isinstance(console.file, io.StringIO)
    for text in console.file.getvalue().splitlines():
        reporter.write_line(text)
    for line in (*_closing(records), *times.partner_lines(reporter.config)):
        reporter.write_line(f"lic: {line}")


def _broke(comparison: Comparison) -> bool:
    return comparison.verdict in (Verdict.REGRESSED, Verdict.ERROR)


def _tables(console: Console, records: Sequence[Record], families: Families) -> None:
    """One table for each family and setting, in the order of the grid."""
    groups: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        groups.setdefault((record["family"], record["setting"]), []).append(record)
    worst_first = sorted(
        groups.items(), key=lambda group: (-max(_rank(record) for record in group[1]), group[0])
    )
    for (family, setting), group in worst_first:
        order = {label: place for place, label in enumerate(families[family].qualities)}
        _table(console, family, setting, sorted(group, key=lambda r: order.get(r["quality"], 99)))


def _table(console: Console, family: str, setting: str, group: Sequence[Record]) -> None:
    table = Table(title=f"{family} on {setting}", title_justify="left", box=None, pad_edge=False)
    table.add_column("quality")
    headings = [*_numbers(None), "BD-rate"]
    for heading in headings:
        table.add_column(heading, justify="right")
    table.add_column("verdict")
    for record in group:
        comparison = Comparison.from_json(record["comparison"])
        verdict = comparison.verdict
        styled = f"[{_STYLES[verdict]}]{verdict.value}[/]"
        if record["kind"] == "curve":
            table.add_row("curve", *[""] * (len(headings) - 1), _bd(comparison), styled)
        elif "measurement" in record:
            measurement = Measurement.from_json(record["measurement"])
            table.add_row(record["quality"], *_numbers(measurement).values(), "", styled)
        else:
            table.add_row(record["quality"], *_numbers(None).values(), "", styled)
    console.print(table)
    for record in group:
        comparison = Comparison.from_json(record["comparison"])
        if record["kind"] == "curve":
            if comparison.reason:
                console.print(f"  curve: {comparison.reason}", markup=False)
            for anchor in record.get("anchors", ()):
                console.print(f"  {_anchor_text(anchor)}", markup=False)
    for reason, qualities in _remarks(group).items():
        console.print(f"  quality {', '.join(qualities)}: {reason}", markup=False)
    console.print()


def _remarks(group: Sequence[Record]) -> dict[str, list[str]]:
    """What is to be said of points that don't fail → their qualities."""
    remarks: dict[str, list[str]] = {}
    for record in group:
        comparison = Comparison.from_json(record["comparison"])
        told_elsewhere = comparison.verdict in (Verdict.ERROR, Verdict.MISSING, Verdict.NEW)
        if record["kind"] == "point" and comparison.reason and not told_elsewhere:
            remarks.setdefault(comparison.reason, []).append(record["quality"])
    return remarks


def _numbers(measurement: Measurement | None) -> dict[str, str]:
    """Heading → mean, the payload's share after what is told by the bitstream."""
    columns: dict[str, str] = {}
    for name, metric in METRICS.items():
        if name in QUALITIES and "payload" not in columns:
            share = None if measurement is None else measurement.payload_share
            columns["payload"] = f"{100 * share:.1f} %" if share is not None else NONE
        columns |= metric.columns(None if measurement is None else measurement.mean(name))
    return columns


def _bd(comparison: Comparison) -> str:
    found = [each.measured for each in comparison.differences if each.metric == "bd_rate"]
    return f"{found[0]:+.2f} %" if found else "–"


def _anchor_text(anchor: Mapping[str, Any]) -> str:
    name = anchor["anchor"]
    if anchor["bd_rate"] is None:
        return f"against {name}: BD-rate unavailable: {anchor['reason']}"
    gain = f", BD-PSNR {anchor['bd_psnr']:+.3f} dB" if anchor["bd_psnr"] is not None else ""
    return f"against {name}: BD-rate {anchor['bd_rate']:+.2f} %{gain}"


def _rank(record: Record) -> int:
    return list(Verdict).index(Verdict(record["comparison"]["verdict"]))


def _closing(records: Sequence[Record]) -> Iterable[str]:
    """Averages, cache, missing metrics and remarks: what the tables need to be read rightly."""
    points = [record for record in records if "measurement" in record]
    if points:
        means = ", ".join(metric.averaged for metric in METRICS.values() if metric.unit)
        yield f"means: {means}; bpp counts every byte of the stream"
        coded = sum(record["measured"] for record in points)
        if coded:
            kept = len(points) - coded
            yield f"{len(points)} points: {coded} measured now, {kept} from the cache"
        else:
            yield f"{len(points)} points, all from the cache: nothing was coded"
    unsafe = sorted({record["family"] for record in points if not record["durable"]})
    if unsafe:
        yield f"measured anew each run, for want of a fingerprint: {', '.join(unsafe)}"
    reasons: dict[str, str] = {}
    left_out: dict[str, None] = {}
    for record in points:
        measurement = Measurement.from_json(record["measurement"])
        for metric, reason in measurement.unavailable().items():
            reasons.setdefault(metric, reason)
        left_out.update(dict.fromkeys(measurement.left_out))
    for metric, reason in reasons.items():
        yield f"{metric} unavailable: {reason}"
    if left_out:
        yield f"images left out: {', '.join(left_out)}"
    missing = [r for r in points if r["comparison"]["verdict"] == Verdict.MISSING.value]
    if missing:
        yield f"{len(missing)} points have no baseline; record them with --lic-update-missing"
    yield from conformance_lines(records)
    yield from times.warm_up_lines(records)
    yield from times.unavailable_lines(records)
    for record in records:
        if record["kind"] == "remark":
            yield f"{record['subject']}: {record['text']}"
