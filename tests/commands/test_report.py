"""``pytest-lic report``: pages made of results files and comparisons, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_lic import cli
from pytest_lic.ab.json_file import load_ab
from pytest_lic.report.html import html_report
from pytest_lic.results.json_file import load, to_text
from tests.helpers.made_results import passing, regressing
from tests.helpers.made_times import compared, written


def report(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    status = cli.main(["report", *map(str, arguments)])
    printed = capsys.readouterr()
    return status, printed.out, printed.err


def test_the_command_makes_the_same_page_from_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, page = tmp_path / "a.json", tmp_path / "page.html"
    source.write_text(to_text(regressing()))
    assert report(capsys, source, "-o", page) == (0, f"report: {page}\n", "")
    assert page.read_text() == html_report({"a": regressing()})


def test_several_files_of_one_name_are_called_by_their_paths(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sources = [tmp_path / name / "a.json" for name in ("one", "two")]
    for source in sources:
        source.parent.mkdir()
        source.write_text(to_text(passing()))
    page = tmp_path / "page.html"
    assert report(capsys, *sources, "-o", page)[0] == 0
    assert all(str(source) in page.read_text() for source in sources)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text[:3000], "is not valid JSON"),
        (
            lambda text: text.replace('"format": 1', '"format": 2'),
            "is of format 2; this pytest-lic",
        ),
        (lambda text: text.replace("iVBORw0KGgo", "R0lGODlhAQA"), "is no PNG file"),
        (lambda text: text.replace("iVBORw0KGgo", "iVBORw0KGg!"), "invalid base64"),
    ],
    ids=["cut", "newer", "not png", "not base64"],
)
def test_files_that_are_no_results_are_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: object, message: str
) -> None:
    assert callable(change)
    source, page = tmp_path / "a.json", tmp_path / "page.html"
    source.write_text(change(to_text(regressing())))
    status, out, error = report(capsys, source, "-o", page)
    assert (status, out) == (2, "")
    assert error.startswith(f"pytest-lic: results {source} ")
    assert message in error
    assert error.count("\n") == 1
    assert not page.exists()


def test_a_page_never_replaces_its_results(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "a.json"
    source.write_text(to_text(passing()))
    status, _, error = report(capsys, source, "-o", source)
    assert status == 2
    assert "these are the results themselves" in error
    assert load(source) == passing()


def test_a_page_needs_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "a.json"
    source.write_text(to_text(passing()))
    status, _, error = report(capsys, source, "-o", tmp_path / "no" / "page.html")
    assert status == 2
    assert "--output" in error
    assert "there is no folder" in error


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
