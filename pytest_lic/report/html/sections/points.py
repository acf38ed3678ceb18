"""A table of all points: their means, and how far each is from the baseline's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pytest_lic.baselines.comparison import Comparison
from pytest_lic.measuring.metrics import to_db
from pytest_lic.report.html.content import Content, signed
from pytest_lic.report.html.families import setting_title
from pytest_lic.results.results import PointResult, Results


@dataclass(frozen=True)
class PointRow:
    """``numbers`` are the means, each with its change against the baseline's."""

    comparison: Comparison
    quality: str
    lmbda: float | None
    numbers: tuple[tuple[str, str], ...]


def points(content: Content) -> dict[str, Any] | None:
    """The section."""
    groups = _groups(content.runs)
    return {"groups": groups} if groups else None


def _groups(runs: Mapping[str, Results]) -> dict[str, list[PointRow]]:
    """The title of each family in each setting → its points, qualities in the family's order."""
    groups: dict[str, list[PointRow]] = {}
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
                row = PointRow(point.comparison, "–", None, (("–", ""),) * 5)
            else:
                cell = measured.cell
                title = f"{cell.family} on {setting_title(cell.setting)}"
                row = PointRow(point.comparison, cell.quality, measured.lmbda, _numbers(point))
            title = f"{title} · {run}" if len(runs) > 1 else title
            groups.setdefault(title, []).append(row)
    return groups


def _numbers(point: PointResult) -> tuple[tuple[str, str], ...]:
    """Each mean, and its change against the baseline's."""
    assert point.measured is not None
    numbers = []
    for metric, digits in (("bpp", 4), ("psnr", 3), ("ms_ssim", 3), ("lpips", 4)):
        new = point.measured.mean(metric)
        old = point.baseline.mean(metric) if point.baseline is not None else None
        if metric == "ms_ssim":
            new, old = (None if mean is None else to_db(mean) for mean in (new, old))
        value = "–" if new is None else f"{new:.{digits}f}"
        change = ""
        if new is not None and old is not None and metric == "bpp":
            change = signed(100 * (new - old) / old, 2)
            change = f"{change} %" if float(change) else ""
        elif new is not None and old is not None:
            change = signed(new - old, digits)
            change = change if float(change) else ""
        numbers.append((value, change))
    share = point.measured.payload_share
    numbers.insert(1, ("–" if share is None else f"{100 * share:.1f} %", ""))
    return tuple(numbers)
