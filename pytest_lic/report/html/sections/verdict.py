"""Passed or failed, in one sentence, and how many cells and curves are how."""

from __future__ import annotations

from typing import Any

from pytest_lic.baselines.comparison import Verdict
from pytest_lic.report.ab import ab_headline, verdict_lines
from pytest_lic.report.headline import headline
from pytest_lic.report.html.content import Content

SHOWN_FIRST = 5
"""Verdicts of a comparison of two commits that stand here; the others further down."""


def verdict(content: Content) -> dict[str, Any]:
    """The section."""
    runs, compared = content.runs.values(), content.compared
    counts = {kind: sum(results.count(kind) for results in runs) for kind in reversed(Verdict)}
    return {
        "verdict": verdict_text(content),
        "failed": any(run.failed for run in runs) or any(one.fails for one in compared),
        "counts": [(kind, count) for kind, count in counts.items() if count],
        "commits": [verdict_lines(one) for one in compared if one.fails],
        "shown": SHOWN_FIRST,
    }


def verdict_text(content: Content) -> str:
    """On the runs; where two commits were compared and one got worse, on those first."""
    worse = [ab_headline(one) for one in content.compared if one.fails]
    of_runs = headline(content.runs.values())
    return f"failed: {'; '.join(worse)}; the run {of_runs}" if worse else of_runs
