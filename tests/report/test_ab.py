"""A comparison of two commits on a page and in a comment."""

from __future__ import annotations

from dataclasses import replace

from markdown_it import MarkdownIt

from pytest_lic.ab.result import Compared, Timed
from pytest_lic.errors import Unavailable
from pytest_lic.report.ab import ab_headline, ab_markdown
from pytest_lic.report.html import html_report
from tests.helpers.hostile_results import HOSTILE
from tests.helpers.html_page import Page
from tests.helpers.made_results import passing, regressing
from tests.helpers.made_times import compared


def page_of(*found: Compared) -> Page:
    return Page(html_report({"": passing()}, found))


def test_a_commit_that_is_slower_is_the_first_thing_told() -> None:
    page = page_of(compared(1.1, 0.9))
    assert page.headings[:2] == [
        "Failed: HEAD against HEAD~1: slower in 1 of 4 timings; the run passed: none of 4 points "
        "got worse",
        "Two commits",
    ]
    assert "SLOWER: toy-q1-photos-native-b1-cpu encode: 1.100 (1.090–1.110)" in page.text
    assert "toy-q1 encode" in page.text
    assert "0.890–0.910 8.00 faster" in page.text
    assert "no difference seen (1.0 % would be slower)" in page.text


def test_of_many_verdicts_the_first_stand_at_the_top_and_regressions_before_the_rest() -> None:
    page = Page(html_report({"": regressing()}, [compared(*(1.1,) * 7)]))
    assert page.text.count("SLOWER: ") == 7
    assert "… and 2 more, below" in page.text
    assert page.headings[1] == "What got worse"
    assert page.headings.index("Two commits") < page.headings.index("Rate and quality")


def test_a_commit_that_is_no_slower_stands_further_down() -> None:
    page = page_of(compared(1.0))
    assert page.headings[0] == "Passed: none of 4 points got worse"
    assert page.headings.index("Two commits") > page.headings.index("All points")


def test_too_few_starts_have_no_interval() -> None:
    found = compared(1.0)
    (cell,) = found.cells
    assert isinstance(cell.times, Timed)
    estimates = {
        direction: replace(each, interval=None, corrected=None)
        for direction, each in cell.times.estimates.items()
    }
    few = replace(cell, times=replace(cell.times, estimates=estimates))
    assert "1.000 – 8.00" in page_of(replace(found, cells=(few,))).text


def test_markup_in_names_of_commits_and_codecs_stays_text() -> None:
    harmless = page_of(compared(1.1, 0.9))
    page = page_of(compared(1.1, 0.9, name=HOSTILE, family=HOSTILE))
    assert {tag for tag, _ in page.tags} == {tag for tag, _ in harmless.tags}
    assert len(page.tags) == len(harmless.tags)
    assert page.scripts[-1] == harmless.scripts[-1]
    assert page.text.count("<script>alert(1)</script>") >= 8


def test_the_headline_counts_what_is_slower_worse_and_lost() -> None:
    found = compared(1.1, 1.1, 1.0)
    assert ab_headline(found) == "HEAD against HEAD~1: slower in 2 of 6 timings"
    first, *others = found.cells
    broken = Unavailable("it broke")
    gone = replace(first, head=broken, quality=None, times=broken)
    found = replace(found, cells=(gone, *others), lost={"other": "no weights"})
    assert ab_headline(found) == (
        "HEAD against HEAD~1: slower in 1 of 4 timings, worse in 1 of 3 cells, "
        "1 of its codecs can't run any more"
    )


def test_a_comment_of_thousands_of_cells_keeps_to_its_size() -> None:
    found = replace(
        compared(1.0, 1.0, 1.1, cells=2000),
        left_out={f"codec {number}": "x" * 100 for number in range(500)},
    )
    text = ab_markdown(found)
    assert len(text.encode()) <= 60_000
    for what in ("verdicts", "times", "remarks"):
        assert f"more {what}, left out for want of room" in text
    table = text[text.index("| codec |") :].splitlines()
    assert table[2].endswith(" slower |"), "what fails comes first"
    assert len(ab_markdown(found, room=8_000).encode()) <= 8_000
    html = MarkdownIt("commonmark").enable("table").render(text)
    assert html.count("<table>") == 1


def test_a_comment_without_times_has_no_table() -> None:
    found = compared(1.0)
    cells = tuple(replace(cell, times=Unavailable("not taken")) for cell in found.cells)
    text = ab_markdown(replace(found, cells=cells))
    assert "| codec |" not in text
    assert "no times: toy-q1-photos-native-b1-cpu: not taken" in text
