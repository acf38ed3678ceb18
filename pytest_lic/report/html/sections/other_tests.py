"""Tests that failed over something else than what the section of failures tells."""

from __future__ import annotations

from typing import Any

from pytest_lic.report.html.content import Content
from pytest_lic.report.html.sections.failures import SHOWN, worst_first

_SHOWN = 100


def other_tests(content: Content) -> dict[str, Any] | None:
    """The section."""
    failures = worst_first(content)
    shown_above = {id(test) for failure in failures[:SHOWN] for test in failure.tests}
    tests = [
        (run, test)
        for run, results in content.runs.items()
        for test in results.tests
        if test.outcome == "failed" and id(test) not in shown_above
    ]
    if not tests:
        return None
    return {"tests": tests[:_SHOWN], "more_tests": len(tests) - _SHOWN, "others": bool(failures)}
