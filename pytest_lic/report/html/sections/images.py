"""Single images that moved by more than their tolerance: the worst first, then the best."""

from __future__ import annotations

from typing import Any

from pytest_lic.report.html.content import Content
from pytest_lic.report.words import change_text, label

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
    return {"images": moved[:_SHOWN], "change": change_text, "label": label} if moved else None
