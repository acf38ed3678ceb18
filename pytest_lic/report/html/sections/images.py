"""Single images that moved by more than their tolerance: the worst first, then the best."""

from __future__ import annotations

from typing import Any

from pytest_lic.baselines.comparison import Difference
from pytest_lic.measuring.metrics import METRICS
from pytest_lic.report.html.content import Content

_SHOWN = 60


def images(content: Content) -> dict[str, Any] | None:
    """The section."""
    moved = [
        (run, point.comparison, difference)
        for run, results in content.runs.items()
        for point in results.points
        for difference in point.comparison.differences
        if difference.image is not None
    ]
    moved.sort(key=lambda row: (row[2].regressed, row[2].severity), reverse=True)
    return {"images": moved[:_SHOWN], "change": _change, "metrics": METRICS} if moved else None


def _change(difference: Difference) -> str:
    metric = METRICS[difference.metric]
    change = -difference.worse_by if metric.higher_is_better else difference.worse_by
    unit = "%" if difference.metric == "bpp" else metric.unit
    return f"{change:+.4g} {unit}".rstrip()
