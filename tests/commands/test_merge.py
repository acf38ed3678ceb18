"""``pytest-lic merge``: what it prints, writes and refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_lic.cli import main
from pytest_lic.results.json_file import load
from tests.helpers.toy_project import Project


def two_shards(project: Project, *arguments: str) -> list[str]:
    files = [str(project.path / f"{number}.json") for number in (1, 2)]
    for number, file in enumerate(files, 1):
        project.run("-m", "rd", f"--lic-shard={number}/2", f"--lic-json={file}", *arguments)
    return files


def test_it_writes_one_result_and_ends_as_the_run(
    small: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    small.run("-m", "rd", "--lic-update")
    files = two_shards(small)
    out, page, summary = (small.path / name for name in ("all.json", "all.html", "all.md"))
    capsys.readouterr()
    words = ["merge", *files, "--out", str(out), "--html", str(page), "--markdown", str(summary)]
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert "2 shards: 5 points and 1 curve: 6 same" in printed
    assert "passed: 0 tests failed, 6 passed" in printed
    merged = load(out)
    assert len(merged.points) == 5
    assert merged.run.command[:2] == ("pytest-lic", "merge")
    assert "toy" in page.read_text()
    assert "toy" in summary.read_text()


def test_it_fails_where_a_shard_failed(small: Project, capsys: pytest.CaptureFixture[str]) -> None:
    files = two_shards(small)
    capsys.readouterr()
    assert main(["merge", *files, "--out", str(small.path / "all.json")]) == 1
    printed = capsys.readouterr().out
    assert "failed: toy-q1-images-native-b1-cpu: missing: no baseline" in printed
    assert "failed: 5 tests failed, 0 passed" in printed


def test_a_file_cut_in_the_middle_is_named(
    small: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = two_shards(small)
    whole = Path(two).read_text()
    Path(two).write_text(whole[: len(whole) // 2])
    out = small.path / "all.json"
    assert main(["merge", one, two, "--out", str(out)]) == 2
    assert f"results {two} is not valid JSON" in capsys.readouterr().err
    assert not out.exists()


def test_what_it_would_overwrite_is_refused(
    small: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    (small.path / "1.json").write_text("{}")
    file = str(small.path / "1.json")
    assert main(["merge", file, "--out", file]) == 2
    assert "this is one of the shards; name another file" in capsys.readouterr().err
    out = str(small.path / "all.json")
    assert main(["merge", file, file, "--out", out]) == 2
    assert f"{file} is named twice; name each shard once" in capsys.readouterr().err
    assert main(["merge", file, "--out", str(small.path / "no" / "all.json")]) == 2
    assert "there is no folder" in capsys.readouterr().err
