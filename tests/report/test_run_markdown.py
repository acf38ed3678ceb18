"""The page for a pull request: the verdict first, of limited length, and nothing in it acts."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_lic.baselines.comparison import Comparison, Verdict
from pytest_lic.measuring.grid import Setting
from pytest_lic.measuring.measure import reported_metrics
from pytest_lic.report.run_markdown import results_markdown
from pytest_lic.results.results import (
    AnchorResult,
    CurveResult,
    FamilyFacts,
    PointResult,
    TestResult,
)
from tests.helpers.made_results import curve_points, results
from tests.helpers.markdown_page import HOSTILE, cells, rendered
from tests.helpers.measurements import measurement
from tests.helpers.toy_project import Project

BROKEN = """
    class Broken(Toy):
        def quantise(self, images):
            levels = super().quantise(images)
            return torch.clamp(levels, max=11) if self.step == 20 else levels
"""


def test_a_run_that_regressed_says_so_first(recorded: Project) -> None:
    recorded.write_codec(BROKEN, codec="Broken")
    result = recorded.run("-m", "rd", "--lic-markdown=summary.md", "--lic-anchor=jpeg")
    assert result.ret == 1
    result.stdout.fnmatch_lines([f"lic: summary: {recorded.path}/summary.md"])
    page = (recorded.path / "summary.md").read_text()
    lines = page.splitlines()
    assert lines[0] == "### pytest-lic: failed: 1 of 5 points and 1 of 1 curve regressed"
    assert re.fullmatch(r"2 regressed, 4 (same|changed)", lines[2])
    first = page.split("<details>")[0]
    verdict, subject, bpp, psnr, why = cells(first, "toy-q3-")
    assert (verdict, subject) == ("**regressed**", "toy-q3-images-native-b1-cpu")
    assert " → " in bpp
    assert " → " in psnr
    assert "tolerance" in why
    family, _, rate, anchor = cells(first, "| toy |")
    assert family == "toy"
    assert re.fullmatch(r"\*\*\+\d+\.\d\d %\*\* \(\S+ to \S+\)", rate)
    assert re.fullmatch(r"\+\d+\.\d\d %", anchor)
    assert "Circumstances" in page
    assert "- tolerances, of the mean / of an image: bpp 0.1 / 0.5" in page


def test_a_run_that_passed_has_no_changes(recorded: Project) -> None:
    assert recorded.run("-m", "rd", "--lic-markdown=summary.md").ret == 0
    page = (recorded.path / "summary.md").read_text()
    assert page.startswith(
        "### pytest-lic: passed: none of 5 points and 1 curve got worse\n\n6 same\n"
    )
    assert "| verdict |" not in page.split("<details>")[0]


def test_github_gets_the_summary_unasked_and_once(
    recorded: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = recorded.path / "step.md"
    summary.write_text("what another step wrote\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    assert recorded.run("-m", "rd", "-n2").ret == 0
    assert summary.read_text().startswith("what another step wrote\n### pytest-lic: passed")
    assert summary.read_text().count("### pytest-lic") == 1
    assert recorded.run("-m", "rd", "--lic-quality=1").ret == 0
    assert summary.read_text().count("### pytest-lic") == 2


def test_a_run_without_checks_of_ours_tells_github_nothing(
    small: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = small.path / "step.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    (small.path / "test_other.py").write_text("def test_other(): pass\n")
    assert small.pytester.runpytest_inprocess("test_other.py").ret == 0
    assert not summary.exists()


def test_a_summary_that_can_not_be_written_fails_only_where_it_was_asked_for(
    recorded: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(recorded.path))
    result = recorded.run("-m", "rd", "--lic-quality=1")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["lic: $GITHUB_STEP_SUMMARY can't be written: *"])
    asked = recorded.run("-m", "rd", "--lic-quality=1", "--lic-markdown=nowhere/summary.md")
    assert asked.ret == pytest.ExitCode.USAGE_ERROR
    asked.stderr.fnmatch_lines(["*--lic-markdown nowhere/summary.md: there is no folder*"])


def test_what_broke_is_told_with_its_text() -> None:
    cell = "toy-q1-photos-native-b1-cpu"
    text = f"{cell}: a fresh process decoded other pixels\nand `more`"
    test = TestResult(f"test_determinism.py::test[{cell}]", "failed", ("determinism",), cell, text)
    page = results_markdown(results(curve_points(), tests=[test], exit_status=1))
    assert page.startswith("### pytest-lic: failed: 1 test failed\n\n4 same\n")
    assert cells(page.split("<details>")[0], cell)[0] == "**broken**"
    assert "and `more`" in page


def test_a_run_that_was_interrupted_is_no_pass() -> None:
    page = results_markdown(results(curve_points(), exit_status=2))
    assert page.startswith(
        "### pytest-lic: failed: pytest ended with exit status 2; none of 4 points"
    )


def test_a_curve_without_a_rate_says_why() -> None:
    reason = "quality 1 has no baseline, so no stored curve"
    curve = Comparison("toy-photos", Verdict.UNAVAILABLE, reason)
    run = replace(results(curve_points()), curves=(CurveResult(curve, "toy", Setting("photos")),))
    assert f"| toy | photos-native-b1-cpu | unavailable: {reason} |" in results_markdown(run)


def test_hostile_names_stay_in_their_cells() -> None:
    for name in HOSTILE:
        points = [measurement(family=name, quality=name, corpus=name)]
        test = TestResult(name, "failed", ("roundtrip",), "", name)
        run = results(points, tests=[test], exit_status=1)
        broken = Comparison(name, Verdict.ERROR, name)
        anchor = AnchorResult(name, 1.0, None, name)
        curve = CurveResult(broken, name, Setting(name), (anchor,))
        run = replace(
            run,
            points=(*run.points, PointResult(broken)),
            curves=(curve,),
            families={name: FamilyFacts({}, {})},
            remarks=(name,),
        )
        shown = reported_metrics(points)
        page = results_markdown(run)
        html = rendered(page)
        tags = set(re.findall(r"</?(\w+)", html))
        known = {"h3", "p", "details", "summary", "table", "thead", "tbody", "tr", "th", "td"}
        assert tags <= known | {"ul", "li", "strong", "code", "pre"}, name
        outside = re.sub(r"<code.*?</code>", "", html, flags=re.DOTALL)
        assert not re.search(r"@\w|#\d|GH-\d|://|www\.", outside)
        for line in page.splitlines():
            if line.startswith("|"):
                assert len(re.findall(r"(?<!\\)\|", line)) in (6, 5, 3 + len(shown)), line


def test_the_page_is_written_to_where_it_was_asked_for(recorded: Project) -> None:
    (recorded.path / "pytest.ini").write_text("[pytest]\nlic_markdown = from-ini.md\n")
    assert recorded.run("-m", "rd", "--lic-quality=1").ret == 0
    assert Path(recorded.path / "from-ini.md").read_text().startswith("### pytest-lic: passed")
