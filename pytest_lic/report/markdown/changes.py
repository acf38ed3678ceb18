"""The table of cells and curves that changed, of one run or between two."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_lic.baselines.comparison import Comparison
from pytest_lic.measuring.metrics import HEADLINES
from pytest_lic.report.markdown.text import escaped
from pytest_lic.report.words import worst

CHANGE_NUMBERS = range(2, 2 + len(HEADLINES))
"""Its columns that are flush right."""

NO_NUMBERS = ("",) * len(HEADLINES)
"""In a row of what has no means."""


def change_columns(what: str) -> tuple[str, ...]:
    """The headings; ``what`` is that of the subjects."""
    return "verdict", what, *(metric.heading for metric in HEADLINES), "why"


def change_row(
    comparison: Comparison, numbers: Sequence[str] = NO_NUMBERS, *, strict: bool = False
) -> tuple[str, ...]:
    """One verdict, bold where it fails, with the numbers of `HEADLINES`."""
    verdict = comparison.verdict
    shown = f"**{verdict}**" if verdict.fails(strict=strict) else verdict.value
    return shown, escaped(comparison.subject), *numbers, escaped(worst(comparison))
