"""A table of all points: their means, and how far each is from the baseline's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pytest_lic.measuring.measure import Measurement, reported_metrics
from pytest_lic.measuring.metrics import Metric
from pytest_lic.measuring.metrics.base import NONE
from pytest_lic.report.html.content import Content, signed
from pytest_lic.report.html.families import setting_title
from pytest_lic.results.results import PointResult, Results


def points(content: Content) -> dict[str, Any] | None:
    """The section."""
    runs = content.runs
    metrics = reported_metrics(
        point.measured for results in runs.values() for point in results.points
    )
    groups = _groups(runs, metrics)
    return {"groups": groups, "metrics": metrics} if groups else None


def _groups(
    runs: Mapping[str, Results], metrics: Sequence[Metric]
) -> dict[str, list[dict[str, Any]]]:
    """The title of each family in each setting → its points, qualities in the family's order."""
    groups: dict[str, list[dict[str, Any]]] = {}
    nothing = ((NONE, ""),) * (len(metrics) + 1)
    for run, results in runs.items():
        places = {
            (family, label): place
            for family, facts in results.families.items()
            for place, label in enumerate(facts.qualities)
        }

        def place(point: PointResult, places: Mapping[tuple[str, str], int] = places) -> int:
            if point.measured is None:
                return len(places)
            cell = point.measured.cell
            return places.get((cell.family, cell.quality), len(places))

        for point in sorted(results.points, key=place):
            measured = point.measured
            if measured is None:
                title = "not measured"
                row: dict[str, Any] = {"quality": NONE, "lmbda": None, "numbers": nothing}
            else:
                cell = measured.cell
                title = f"{cell.family} on {setting_title(cell.setting)}"
                numbers = _numbers(measured, point.baseline, metrics)
                row = {"quality": cell.quality, "lmbda": measured.lmbda, "numbers": numbers}
            title = f"{title} · {run}" if len(runs) > 1 else title
            groups.setdefault(title, []).append({"comparison": point.comparison, **row})
    return groups


def _numbers(
    measured: Measurement, baseline: Measurement | None, metrics: Sequence[Metric]
) -> list[tuple[str, str]]:
    """Each mean, and its change against the baseline's."""
    numbers = []
    for metric in metrics:
        new = measured.shown(metric.name)
        old = baseline.shown(metric.name) if baseline is not None else None
        change = "" if new is None or old is None else _change(metric, old, new)
        numbers.append((metric.text(measured.mean(metric.name)), change))
    numbers.insert(1, (measured.payload_text, ""))
    return numbers


def _change(metric: Metric, old: float, new: float) -> str:
    if metric.relative:
        change, unit = signed(100 * (new - old) / old, 2), " %"
    else:
        change, unit = signed(new - old, metric.decimals), ""
    return f"{change}{unit}" if float(change) else ""
