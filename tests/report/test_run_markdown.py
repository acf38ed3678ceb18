"""The page for a pull request: the verdict first, of limited length, and nothing in it acts."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from pytest_lic.baselines.comparison import Comparison, Verdict
from pytest_lic.measuring.grid import Setting
from pytest_lic.measuring.metrics import METRICS
from pytest_lic.report.markdown.text import escaped, fenced
from pytest_lic.report.run_markdown import results_markdown
from pytest_lic.results.results import (
    AnchorResult,
    CurveResult,
    FamilyFacts,
    PointResult,
    Results,
    TestResult,
    TimeResult,
)
from tests.helpers.made_results import curve_points, results
from tests.helpers.measurements import measurement
from tests.helpers.toy_project import Project

BROKEN = """
    class Broken(Toy):
        def quantise(self, images):
            levels = super().quantise(images)
            return torch.clamp(levels, max=11) if self.step == 20 else levels
"""
HOSTILE = [
    "<script>alert(1)</script>",
    "@someone and @some/team",
    "#12, GH-12, some/project#12",
    "a | b || c",
    "`code`, ``more``, *bold*, _soft_, ~~gone~~",
    "[text](https://example.org/x) ![](https://example.org/x.png) www.example.org",
    "one\ntwo\r\n\nthree\u202e\x00",
    "\\| &lt; &amp; -->",
    "</details></td>",
    "$\\color{green}x$ costs $$5$$",
]


def rendered(page: str) -> str:
    return MarkdownIt("commonmark").enable("table").render(page)


def cells(page: str, subject: str) -> list[str]:
    """The cells of the only row with this in it."""
    (line,) = (line for line in page.splitlines() if line.startswith("|") and subject in line)
    return [cell.strip() for cell in line.strip("|").split("|")]


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
    assert re.fullmatch(r"\*\*\+\d+\.\d\d %\*\*", rate)
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


@pytest.mark.parametrize("text", HOSTILE)
def test_text_from_outside_shows_as_it_stands_and_does_nothing(text: str) -> None:
    page = f"| a | b |\n|---|---|\n| {escaped(text)} | second |\n"
    html = rendered(page)
    assert html.count("<td>") == 2
    shown = re.findall("<td>(.*?)</td>", html)[0]
    assert not re.search(r"<(?!/td)", shown), "no tag of its own"
    assert not re.search(r"@\w|#\d|GH-|://|www\.", shown), "nothing that GitHub makes a link of"
    assert not re.search(r"(?<!\\)\$", page), "no formula"
    plain = shown.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"')
    plain = plain.replace("&amp;", "&").replace("\u200b", "")
    expected = "".join(each if each.isprintable() else " " for each in text)
    assert plain == " ".join(expected.split())


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
        page = results_markdown(run)
        html = rendered(page)
        tags = set(re.findall(r"</?(\w+)", html))
        known = {"h3", "p", "details", "summary", "table", "thead", "tbody", "tr", "th", "td"}
        assert tags <= known | {"ul", "li", "strong", "code", "pre"}, name
        outside = re.sub(r"<code.*?</code>", "", html, flags=re.DOTALL)
        assert not re.search(r"@\w|#\d|GH-\d|://|www\.", outside)
        for line in page.splitlines():
            if line.startswith("|"):
                assert len(re.findall(r"(?<!\\)\|", line)) in (6, 5, 3 + len(METRICS)), line


def test_a_block_of_code_ends_where_it_should() -> None:
    html = rendered("\n".join(fenced("```\n</code><b>\n````\n\x1b[31mred")))
    assert html.count("<code") == 1
    assert "<b>" not in html


def test_the_page_is_written_to_where_it_was_asked_for(recorded: Project) -> None:
    (recorded.path / "pytest.ini").write_text("[pytest]\nlic_markdown = from-ini.md\n")
    assert recorded.run("-m", "rd", "--lic-quality=1").ret == 0
    assert Path(recorded.path / "from-ini.md").read_text().startswith("### pytest-lic: passed")
