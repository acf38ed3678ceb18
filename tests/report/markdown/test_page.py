"""A page that keeps to its size, and says what it lacks."""

from __future__ import annotations

import re
from dataclasses import replace

from pytest_lic.baselines.comparison import Comparison, Verdict
from pytest_lic.measuring.grid import Setting
from pytest_lic.report.run_markdown import results_markdown
from pytest_lic.results.results import AnchorResult, CurveResult, Results, TestResult, TimeResult
from tests.helpers.made_results import curve_points, results


def thousands() -> Results:
    """4,000 cells of 1,000 families, a third of them regressed, and as many tests and times."""
    points, tests, times, curves = [], [], [], []
    for index in range(1000):
        family = f"family-with-a-long-name-{index}"
        worse = {"2": 1.0, "4": 2.0} if index % 3 == 0 else {}
        points.append((curve_points(family, worse=worse), curve_points(family)))
        cell = points[-1][0][0].cell.id
        tests.append(TestResult(f"test[{cell}]", "failed", ("roundtrip",), cell, "x\n" * 900))
        times.append(TimeResult(f"{cell}-encode", 0.1, 0.01, 9, {}))
        curve = Comparison(f"{family}-photos", Verdict.UNAVAILABLE, "no overlap")
        anchor = AnchorResult("jpeg", 1.5, None, None)
        curves.append(CurveResult(curve, family, Setting("photos"), (anchor,)))
    measured = [point for new, _ in points for point in new]
    baseline = [point for _, old in points for point in old]
    made = results(measured, baseline, tests=tests, times=times, exit_status=1)
    remarks = tuple(f"remark {index}: {'x' * 200}" for index in range(1000))
    return replace(made, curves=tuple(curves), remarks=remarks)


def test_thousands_of_cells_stay_under_the_limit_and_the_page_says_what_it_lacks() -> None:
    run = thousands()
    page = results_markdown(run)
    assert len(page.encode()) <= 60_000
    assert "failed: 668 of 4000 points regressed, 1000 other tests failed" in page
    assert "\n668 regressed, 1000 unavailable, 3332 same\n" in page
    for what in ("curves", "remarks", "changes", "tests", "times", "cells"):
        assert re.search(rf"… and [\d,]+ more {what}, left out for want of room", page), what
    assert page.count("<details>") == page.count("</details>")
    assert len(results_markdown(run, room=8_000).encode()) <= 8_000
