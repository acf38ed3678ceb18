"""Whether times are asked for, by marker, expression or name."""

from __future__ import annotations

import pytest

from tests.helpers.timed_runs import QUICK, SHORT, SMALL, take
from tests.helpers.toy_project import Project, write_photographs


class TestNotAskedFor:
    def test_a_plain_run_takes_no_times_and_says_so(self, timed: Project) -> None:
        write_photographs(timed.images, count=1, side=32)
        images = f"--lic-corpus={timed.images}"
        result = take(timed, images, "--collect-only", "-q", marker=None)
        result.stdout.fnmatch_lines(["lic: no times are taken; -m timing takes them"])
        assert "test_timing" not in result.stdout.str()

    @pytest.mark.parametrize(
        ("marker", "said"), [("not rd", True), ("rd", False), ("not timing", False)]
    )
    def test_it_is_said_where_the_marker_would_have_chosen_them(
        self, timed: Project, marker: str, said: bool
    ) -> None:
        output = take(timed, "--collect-only", "-q", marker=marker).stdout.str()
        assert ("no times are taken; -m timing takes them" in output) is said

    def test_a_distributed_run_without_them_is_not_warned_of_benchmarks(
        self, timed: Project
    ) -> None:
        write_photographs(timed.images, count=1, side=32)
        arguments = (f"--lic-corpus={timed.images}", "--lic-quality=1", "-n1")
        result = take(timed, *arguments, marker="roundtrip")
        assert result.ret == 0
        assert "Benchmark" not in result.stdout.str() + result.stderr.str()

    @pytest.mark.parametrize("marker", ["rd", "not timing", "roundtrip or determinism"])
    def test_other_markers_take_none(self, timed: Project, marker: str) -> None:
        result = take(timed, "--collect-only", "-q", marker=marker)
        assert result.ret == 0
        assert "test_timing" not in result.stdout.str()
        assert "lic: timing" not in result.stdout.str()

    @pytest.mark.parametrize("marker", ["timing", "rd or timing", "timing and not rd"])
    def test_an_expression_that_asks_for_them_does(self, timed: Project, marker: str) -> None:
        result = take(timed, *SMALL, "--collect-only", "-q", marker=marker)
        assert "::test_encode[toy-q3-rand-16px-b2-cpu]" in result.stdout.str()

    def test_a_test_that_is_named_runs(self, timed: Project) -> None:
        name = "pytest_lic.suites.test_timing::test_encode[toy-q3-rand-256px-b1-cpu]"
        result = timed.pytester.runpytest_inprocess(
            "--pyargs", name, *QUICK, *SHORT, "--lic-codec=toy"
        )
        result.assert_outcomes(passed=1)
