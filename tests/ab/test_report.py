"""What a comparison of two commits found: in a file and back, on a page, and in a comment."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from pytest_lic.ab.json_file import ab_json, load_ab
from pytest_lic.ab.result import Compared, Timed
from pytest_lic.errors import Unavailable, UsageError
from pytest_lic.report.ab import ab_headline, ab_markdown
from pytest_lic.report.html import html_report
from pytest_lic.results.json_file import to_text
from tests.helpers.made_results import passing, regressing
from tests.helpers.made_times import compared
from tests.helpers.places import ROOT
from tests.report.html.test_page import HOSTILE, Page, report


def written(folder: Path, found: Compared) -> Path:
    path = folder / "ab.json"
    path.write_text(json.dumps(ab_json(found)))
    return path


def page_of(*found: Compared) -> Page:
    return Page(html_report({"": passing()}, found))


def test_it_is_the_same_when_read_again(tmp_path: Path) -> None:
    found = compared(1.1, 0.9, 1.0)
    assert load_ab(written(tmp_path, found)) == found


def test_what_earlier_versions_wrote_is_read_and_written_the_same() -> None:
    path = ROOT / "tests" / "data" / "files" / "ab.json"
    text = json.dumps(ab_json(load_ab(path)), indent=1, ensure_ascii=False)
    assert text == path.read_text(encoding="utf-8")


def test_reasons_for_want_of_times_or_of_a_side_are_read_again(tmp_path: Path) -> None:
    found = compared(1.0)
    (cell,) = found.cells
    cells = (
        replace(cell, times=Unavailable("not taken")),
        replace(cell, head=Unavailable("it broke"), quality=None, times=Unavailable("not taken")),
    )
    assert load_ab(written(tmp_path, replace(found, cells=cells))).cells == cells


def test_a_cell_that_is_broken_on_both_sides_is_left_out(tmp_path: Path) -> None:
    found = compared(1.0)
    (cell,) = found.cells
    broken = Unavailable("broke"), Unavailable("broke too")
    gone = replace(cell, base=broken[0], head=broken[1], quality=None, times=Unavailable("none"))
    read = load_ab(written(tmp_path, replace(found, cells=(gone,))))
    assert read.cells == ()
    assert read.left_out[cell.cell.id] == "broken on both sides: broke too"


def huge(stored: dict[str, Any]) -> dict[str, Any]:
    stored["cells"][0]["times"]["seconds"]["encode"] = 10**400
    return stored


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda stored: [], "no comparison of two commits; expected what pytest-lic ab --json"),
        (lambda stored: {"format": 1}, "no comparison of two commits"),
        (lambda stored: stored | {"format": 2}, "of format 2; this pytest-lic reads up to 1"),
        (
            lambda stored: stored | {"cells": [{}]},
            "damaged: $.cells[0]: object missing required field `cell`; expected what",
        ),
        (
            lambda stored: stored | {"base": {"title": "x"}},
            "damaged: $.base: object missing required field `name`",
        ),
        (huge, "damaged: $.cells[0].times.seconds['encode'] is 1000"),
    ],
    ids=["a list", "something else", "newer", "cut", "edited", "huge"],
)
def test_a_file_that_is_none_is_refused_in_one_line(
    tmp_path: Path, change: Callable[[dict[str, Any]], Any], message: str
) -> None:
    path = tmp_path / "ab.json"
    path.write_text(json.dumps(change(ab_json(compared(1.0)))))
    with pytest.raises(UsageError) as raised:
        load_ab(path)
    assert message in str(raised.value)
    assert str(raised.value).startswith(f"--ab {path} is ")
    assert "\n" not in str(raised.value)


def test_the_command_shows_it_beside_the_results(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results, page = tmp_path / "a.json", tmp_path / "page.html"
    results.write_text(to_text(passing()))
    found = compared(1.1)
    path = written(tmp_path, found)
    assert report(capsys, results, "--ab", path, "-o", page)[0] == 0
    assert page.read_text() == html_report({"a": passing()}, [found])
    assert report(capsys, results, "--ab", path, "-o", path)[0] == 2
    assert load_ab(path) == found, "it was not replaced"
    status, _, error = report(capsys, results, "--ab", results, "-o", page)
    assert status == 2
    assert "no comparison of two commits" in error


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
