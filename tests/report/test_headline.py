"""The verdict on a run in one sentence, which every report begins with."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_lic.baselines.comparison import Comparison, Verdict
from pytest_lic.measuring.grid import Setting
from pytest_lic.report.headline import headline
from pytest_lic.results.results import CurveResult, PointResult, Results, TestResult
from tests.helpers.made_results import RUN, curve_points, passing, regressing, results


def ended(found: Results, status: int) -> Results:
    return replace(found, run=replace(found.run, exit_status=status))


def slower() -> Results:
    return replace(passing(), run=replace(RUN, exit_status=1, failure="coverage of 40 %"))


BROKE = TestResult("test[toy]", "failed", ("roundtrip",), "toy", "gone")
CURVE = CurveResult(Comparison("toy", Verdict.REGRESSED, "worse"), "toy", Setting("photos"))
CHANGED = PointResult(Comparison("toy", Verdict.CHANGED, "other bits"))
NEW = PointResult(Comparison("toy", Verdict.NEW, "recorded"))
UNAVAILABLE = PointResult(Comparison("toy", Verdict.UNAVAILABLE, "no such device"))
NO_CURVE = CurveResult(Comparison("toy", Verdict.UNAVAILABLE, "lossless"), "toy", Setting("photos"))
MISSING = PointResult(Comparison("toy", Verdict.MISSING, "no baseline"))


@pytest.mark.parametrize(
    ("runs", "sentence"),
    [
        ([passing()], "passed: none of 4 points got worse"),
        ([regressing()], "failed: 1 of 4 points regressed"),
        ([slower()], "failed: coverage of 40 %"),
        ([passing(), regressing()], "failed: 1 of 8 points regressed"),
        (
            [replace(regressing(), curves=(CURVE,))],
            "failed: 1 of 4 points and 1 of 1 curve regressed",
        ),
        (
            [replace(regressing(), points=(*regressing().points, MISSING), tests=(BROKE,))],
            "failed: 1 of 5 points regressed, 1 of 5 points missing, 1 other test failed",
        ),
        ([ended(replace(passing(), tests=(BROKE,)), 1)], "failed: 1 test failed"),
        (
            [ended(passing(), 2)],
            "failed: pytest ended with exit status 2; none of 4 points got worse",
        ),
        (
            [ended(passing(), 1)],
            "failed: pytest ended with exit status 1; none of 4 points got worse",
        ),
        ([Results(RUN, {})], "passed: nothing was compared"),
        (
            [replace(passing(), points=(*passing().points, NEW), curves=(NO_CURVE,))],
            "passed: none of 4 points got worse",
        ),
        ([replace(results([]), points=(NEW, UNAVAILABLE))], "passed: nothing was compared"),
        ([replace(results([]), points=(CHANGED,))], "passed: none of 1 point got worse"),
        (
            [replace(results([], strict=True, exit_status=1), points=(CHANGED,))],
            "failed: 1 of 1 point changed, which --lic-strict forbids",
        ),
    ],
)
def test_it_says_what_got_worse_and_what_failed(runs: list[Results], sentence: str) -> None:
    assert headline(runs) == sentence


def test_a_test_over_a_regression_is_not_counted_again() -> None:
    measured, before = curve_points(worse={"2": 1.0}), curve_points()
    cell = measured[1].cell.id
    test = TestResult(f"test[{cell}]", "failed", ("rd",), cell, "it is worse")
    found = results(measured, before, tests=[test], exit_status=1)
    assert headline([found]) == "failed: 1 of 4 points regressed"
