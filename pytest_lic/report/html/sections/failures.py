"""Cells and curves that got worse, with their causes, tests and crops."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pytest_lic.baselines.comparison import Verdict
from pytest_lic.report.html.content import Content
from pytest_lic.report.words import difference_text
from pytest_lic.results.crop import Crop
from pytest_lic.results.results import TestResult

SHOWN = 20
"""So many are shown one by one; the table of points has all."""

_LINES = 8  # differences of one of them, as the terminal has it


@dataclass(frozen=True)
class Failure:
    """One cell or curve that fails, with its cause in words.

    ``tolerances`` is by how many of them its worst number is worse.
    """

    run: str
    subject: str
    verdict: Verdict
    tolerances: float
    reason: str
    lines: tuple[str, ...]
    more: int
    tests: tuple[TestResult, ...]
    crops: tuple[Crop, ...]


def failures(content: Content) -> dict[str, Any] | None:
    """The section, of the worst `SHOWN`."""
    failing = worst_first(content)
    if not failing:
        return None
    return {
        "failures": failing[:SHOWN],
        "more_failures": len(failing) - SHOWN,
        "address": address,
        "without_crops": [
            run
            for run, results in content.runs.items()
            if all(crop.asked for crop in results.crops)
            and any(point.comparison.verdict is Verdict.REGRESSED for point in results.points)
        ],
    }


def worst_first(content: Content) -> list[Failure]:
    """Those with crops, then the worst verdict, then what is worse by most tolerances."""
    return sorted(
        _failures(content),
        key=lambda failure: (bool(failure.crops), failure.verdict.rank, failure.tolerances),
        reverse=True,
    )


def _failures(content: Content) -> Iterator[Failure]:
    for run, results in content.runs.items():
        for comparison in results.comparisons:
            if not comparison.verdict.fails(strict=results.run.strict):
                continue
            subject = comparison.subject
            worse = comparison.regressions
            yield Failure(
                run,
                subject,
                comparison.verdict,
                max((one.severity for one in worse), default=0.0),
                comparison.reason,
                tuple(difference_text(one) for one in worse[:_LINES]),
                len(worse) - _LINES,
                tuple(
                    test
                    for test in results.tests
                    if test.outcome == "failed" and test.subject == subject
                ),
                tuple(crop for crop in results.crops if crop.subject == subject and not crop.asked),
            )


def address(png: bytes) -> str:
    """One that holds the image itself."""
    return f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"
