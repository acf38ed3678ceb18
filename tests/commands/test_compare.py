"""``pytest-lic compare``: files and folders that it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_lic import cli
from pytest_lic.results.json_file import to_text
from tests.helpers.made_results import curve_points, results


@pytest.fixture(autouse=True)
def in_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda text: text[:900], "b.json is not valid JSON"),
        (lambda text: text.replace('"format": 1', '"format": 2'), "b.json is of format 2"),
        (lambda text: '{"entries": []}', "b.json is damaged"),
        (lambda text: None, "b.json can't be read"),
    ],
    ids=["cut", "newer", "no results", "gone"],
)
def test_files_that_can_not_be_read_are_told_in_one_line(
    spoil: object, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = to_text(results(curve_points()))
    Path("a.json").write_text(text)
    assert callable(spoil)
    spoilt = spoil(text)
    if spoilt is not None:
        Path("b.json").write_text(spoilt)
    assert cli.main(["compare", "a.json", "b.json"]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert len(err.splitlines()) == 1


def test_a_folder_that_is_not_there_is_told_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["compare", "a.json", "b.json", "--json=nowhere/found.json"]) == 2
    assert "--json nowhere/found.json: there is no folder" in capsys.readouterr().err
