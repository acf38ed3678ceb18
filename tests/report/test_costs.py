"""What coding costs, on the HTML page and in Markdown; and silence where nothing was looked at."""

from __future__ import annotations

from dataclasses import replace

from pytest_lic.baselines.comparison import Comparison, Verdict
from pytest_lic.baselines.costs import Complexity, Memory, SideMemory
from pytest_lic.report.headline import headline
from pytest_lic.report.html import html_report
from pytest_lic.report.one_cell import cell_text
from pytest_lic.report.run_markdown import results_markdown
from pytest_lic.results.results import ComplexityResult, MemoryResult, Results
from pytest_lic.run.one_cell import facts_of
from tests.helpers.made_results import passing

RECORDED = Complexity({"analysis": 2.788}, {"synthesis": 12.4}, 1000, 4000)
SLOWER = replace(RECORDED, decoder={"synthesis": 13.9})
SIDE = SideMemory({"256": 17 * 2**20, "512": 67 * 2**20}, 0)
LARGER = SideMemory({"256": 17 * 2**20, "512": 80 * 2**20}, 2**20)


def costly(results: Results) -> Results:
    worse = Comparison("toy-q3", Verdict.REGRESSED, "it takes more")
    none = Comparison("jpeg-q40", Verdict.UNAVAILABLE, "not applicable")
    return replace(
        results,
        complexity=(
            ComplexityResult(worse, "toy", "3", SLOWER, RECORDED),
            ComplexityResult(none, "jpeg", "40"),
        ),
        memory=(MemoryResult(worse, "toy", "3", "cpu", Memory(SIDE, LARGER), Memory(SIDE, SIDE)),),
    )


def test_markdown_has_a_table_of_each() -> None:
    page = results_markdown(costly(passing()))
    assert "| toy q3 | 2.788 | 12.4 → 13.9 | 1000 | 4000 | regressed |" in page
    assert "| toy q3 on cpu | 67.0 | 254.3 | 67.0 → 80.0 | 254.3 → 320.4 | regressed |" in page
    assert "jpeg" not in page
    assert "kMAC/pixel" not in results_markdown(passing())


def test_html_shows_stages_and_what_is_kept() -> None:
    page = html_report({"": costly(passing())})
    assert '<section id="complexity">' in page
    assert "12.4 → 13.9 <small>synthesis 13.9</small>" in page
    assert "67.0 → 80.0 <small>512×512 1.00 kept of each image</small>" in page
    assert '<section id="complexity">' not in html_report({"": passing()})


def test_one_cell_has_a_line_on_each() -> None:
    results = costly(passing())
    (subject,) = (
        point.comparison.subject
        for point in results.points
        if point.measured is not None and point.measured.cell.quality == "3"
    )
    text = cell_text(facts_of(results, subject, "found.json"), width=200)
    assert "complexity: regressed: encoder 2.788 kMAC/pixel, decoder 13.9 kMAC/pixel, 1000" in text
    assert "memory on cpu: regressed: encoder 67.0 MiB at 512×512, decoder 80.0 MiB" in text


def test_a_run_that_compared_costs_alone_compared_something() -> None:
    results = replace(passing(), points=(), curves=(), tests=())
    same = Comparison("toy-q3", Verdict.SAME, "")
    counted = replace(results, complexity=(ComplexityResult(same, "toy", "3", RECORDED, RECORDED),))
    assert headline([results]) == "passed: nothing was compared"
    assert headline([counted]) == "passed: none of 1 cost got worse"
