"""A run's results for a pull request: the verdict, what changed, BD-rate, and the rest folded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from pytest_lic.baselines.comparison import Comparison, Verdict
from pytest_lic.measuring.measure import Measurement, reported_metrics
from pytest_lic.measuring.metrics import Metric
from pytest_lic.measuring.metrics.base import NONE
from pytest_lic.report.costs import (
    COMPLEXITY,
    MEMORY,
    complexity_rows,
    memory_rows,
    told_in_markdown,
)
from pytest_lic.report.headline import broken, headline
from pytest_lic.report.markdown.changes import (
    CHANGE_NUMBERS,
    NO_NUMBERS,
    change_columns,
    change_row,
)
from pytest_lic.report.markdown.page import LIMIT, Page
from pytest_lic.report.markdown.text import escaped, fenced
from pytest_lic.report.words import bd_rate_in, by_metric, counted, difference_text, moved, percent
from pytest_lic.results.results import CurveResult, PointResult, Results, TestResult, TimeResult
from pytest_lic.system.environment import Environment
from pytest_lic.system.words import plural, shortened

SHOWN = 20
"""Rows of the table of what changed; the others are folded."""

_QUIET = (Verdict.SAME, Verdict.WITHIN)
_CHANGE = change_columns("cell or curve")
_TIMES = ("what", "median ms", "interquartile range ms", "rounds")


def results_markdown(results: Results, room: int = LIMIT) -> str:
    """The page of one run, of at most ``room`` bytes however many cells there are."""
    page = Page(room)
    page.add(f"### pytest-lic: {headline([results])}", "")
    counts = counted(comparison.verdict for comparison in results.comparisons)
    if counts:
        page.add(", ".join(counts), "")
    changes = list(_changes(results))
    page.table(_CHANGE, changes[:SHOWN], "changes", numbers=CHANGE_NUMBERS)
    rates, rows = _curves(results.curves)
    page.table(rates, rows, "curves", numbers=range(2, len(rates)), most=8_000)
    page.blocks(_circumstances(results), "remarks", title="Circumstances", most=6_000)
    more = changes[SHOWN:]
    title = f"{len(more)} more changes"
    page.table(_CHANGE, more, "changes", numbers=CHANGE_NUMBERS, title=title, most=16_000)
    regressed = _regressions(results)
    page.blocks(regressed, "cells", title="What regressed, number by number", most=12_000)
    page.blocks(_failures(broken(results)), "tests", title="What broke", most=12_000)
    for headings, costs, title in (
        (COMPLEXITY, complexity_rows(results), "Complexity"),
        (MEMORY, memory_rows(results), "Memory"),
    ):
        inner = range(1, len(headings) - 1)
        told = told_in_markdown(costs)
        page.table(headings, told, "qualities", numbers=inner, title=title, most=8_000)
    times = map(_time, results.times)
    page.table(_TIMES, times, "times", numbers=(1, 2, 3), title="Times", most=8_000)
    worst_first = sorted(results.points, key=lambda point: -point.comparison.verdict.rank)
    metrics = reported_metrics(point.measured for point in results.points)
    columns = ("cell", *(metric.heading for metric in metrics), "verdict")
    cells = [_cell(point, metrics) for point in worst_first]
    numbers = range(1, 1 + len(metrics))
    page.table(columns, cells, "cells", numbers=numbers, title=f"All {len(cells)} cells")
    return page.text


def _changes(results: Results) -> Iterator[tuple[str, ...]]:
    """A row for each thing that is not as it was, the worst first."""
    tests: dict[str, TestResult] = {}
    for test in broken(results):
        tests.setdefault(test.subject or test.id, test)
    for subject, test in tests.items():
        yield "**broken**", escaped(subject), *NO_NUMBERS, escaped(test.first_line)
    points = {point.comparison.subject: point for point in results.points}
    changed = [one for one in results.comparisons if one.verdict not in _QUIET]
    for comparison in sorted(changed, key=lambda one: -one.verdict.rank):
        point = points.get(comparison.subject)
        if comparison.verdict is Verdict.UNAVAILABLE and point is None:
            continue  # a curve that has no BD-rate did not change
        numbers = NO_NUMBERS if point is None else moved(point.baseline, point.measured)
        yield change_row(comparison, numbers, strict=results.run.strict)


def _curves(curves: Sequence[CurveResult]) -> tuple[tuple[str, ...], list[list[str]]]:
    """Columns and rows of BD-rate: against the stored curve, and against each anchor."""
    anchors = dict.fromkeys(
        (anchor.anchor, metric)
        for curve in curves
        for anchor in curve.anchors
        for metric in ("", *by_metric(anchor))
    )
    against = (
        " ".join(["against", escaped(anchor), *([metric] if metric else [])])
        for anchor, metric in anchors
    )
    rows = []
    for curve in sorted(curves, key=lambda curve: -curve.comparison.verdict.rank):
        values = {
            (anchor.anchor, metric): rate
            for anchor in curve.anchors
            for metric, rate in {"": anchor.bd_rate, **by_metric(anchor)}.items()
        }
        cells = [escaped(curve.family), escaped(curve.setting.id), _bd_rate(curve.comparison)]
        rows.append([*cells, *(percent(values.get(anchor)) for anchor in anchors)])
    return ("family", "on", "BD-rate against the baseline", *against), rows


def _bd_rate(comparison: Comparison) -> str:
    rate = bd_rate_in(comparison)
    if rate is None:
        return escaped(f"{comparison.verdict}: {comparison.reason}", most=150)
    shown = f"**{percent(rate)}**" if comparison.verdict is Verdict.REGRESSED else percent(rate)
    interval = next((one.interval for one in comparison.differences if one.interval), None)
    return shown if interval is None else f"{shown} ({interval.low:+.3g} to {interval.high:+.3g})"


def _regressions(results: Results) -> Iterator[list[str]]:
    """The numbers that are worse by more than their tolerance, up to eight for each subject."""
    for comparison in results.comparisons:
        regressed = [escaped(difference_text(one)) for one in comparison.regressions]
        if regressed:
            numbers = shortened(regressed, 8)
            yield [f"- {escaped(comparison.subject)}", *(f"  - {line}" for line in numbers)]


def _failures(tests: Iterable[TestResult]) -> Iterator[list[str]]:
    for test in tests:
        yield [f"- {escaped(test.id)}", "", *fenced(test.text, most=1500), ""]


def _time(time: TimeResult) -> tuple[str, ...]:
    milliseconds = (f"{1000 * seconds:.2f}" for seconds in (time.median, time.iqr))
    return escaped(time.name), *milliseconds, str(time.rounds)


def _cell(point: PointResult, metrics: Sequence[Metric]) -> tuple[str, ...]:
    verdict = point.comparison.verdict.value
    return escaped(point.comparison.subject), *_means(point.measured, metrics), verdict


def _means(measured: Measurement | None, metrics: Sequence[Metric]) -> tuple[str, ...]:
    """The mean of each metric; a dash where there is none."""
    if measured is None:
        return (NONE,) * len(metrics)
    return tuple(metric.text(measured.mean(metric.name)) for metric in metrics)


def _circumstances(results: Results) -> Iterator[list[str]]:
    """Commit, command, environments, tolerances, and what the tests remarked."""
    run = results.run
    changed = ", with changes that it lacks" if run.changed else ""
    yield [f"- commit {escaped(run.commit or 'unknown')}{changed}"]
    yield [f"- pytest-lic {escaped(run.pytest_lic)}, {run.created:%Y-%m-%d %H:%M %Z}"]
    yield [f"- {escaped(' '.join(run.command), most=1000)}"]
    measured = [point.measured for point in results.points if point.measured is not None]
    for environment in {one.environment.digest: one.environment for one in measured}.values():
        yield [f"- {escaped(_environment(environment))}"]
    tolerances = (
        f"{metric} {tolerance.mean:g} / {tolerance.image:g}"
        for metric, tolerance in run.tolerances.items()
    )
    yield [f"- tolerances, of the mean / of an image: {escaped(', '.join(tolerances))}"]
    missing = {metric: why for one in measured for metric, why in one.unavailable().items()}
    unavailable = (f"{metric} unavailable: {why}" for metric, why in missing.items())
    for text in (*unavailable, *results.remarks):
        yield [f"- {escaped(text)}"]


def _environment(environment: Environment) -> str:
    torch = environment.packages.get("torch", "none")
    threads = plural(environment.threads, "thread")
    return (
        f"{environment.system}, Python {environment.python}, torch {torch}, "
        f"{environment.processor}, {environment.device}, {threads}"
    )
