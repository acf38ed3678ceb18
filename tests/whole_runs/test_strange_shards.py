"""Shards that come in unusual ways: of a pipe, edited, with a list twice; and where results go."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from pytest_lic.cli import main
from pytest_lic.results.json_file import load
from tests.helpers.merging import merged
from tests.helpers.toy_project import Project


@pytest.fixture
def shards(small: Project) -> dict[str, Path]:
    files = {f"{number}.json": small.path / f"{number}.json" for number in (1, 2)}
    for number, file in enumerate(files.values(), 1):
        small.run("-m", "rd or memory", f"--lic-shard={number}/2", f"--lic-json={file}")
    return files


def test_a_pipe_is_read_once(shards: dict[str, Path], tmp_path: Path) -> None:
    pipe, content = tmp_path / "pipe", shards["1.json"].read_bytes()
    before = merged(shards)
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(content,))
    writer.start()
    assert merged({**shards, "1.json": pipe}) == before
    writer.join()
    cut = threading.Thread(target=pipe.write_bytes, args=(content[:-50],))
    cut.start()
    with pytest.raises(Exception, match="is not valid JSON"):
        merged({**shards, "1.json": pipe})
    cut.join()


def test_environments_that_were_edited_have_their_own_digest(shards: dict[str, Path]) -> None:
    for file in shards.values():
        stored = json.loads(file.read_text())
        for here in stored["environments"].values():
            here["processor"] = "a CPU"
        file.write_text(json.dumps(stored))
    processors = {
        point.measured.environment.processor
        for point in merged(shards).points
        if point.measured is not None
    }
    assert processors == {"a CPU"}


def test_of_a_list_that_stands_there_twice_the_last_counts(shards: dict[str, Path]) -> None:
    before = merged(shards)
    file = shards["2.json"]
    text = file.read_text()
    points = json.dumps(json.loads(text)["points"])
    false = points.replace('"psnr"', '"qsnr"')
    file.write_text(f'{{"points": {false}, {text.lstrip()[1:]}')
    assert merged(shards) == before


def test_memory_is_recorded_of_a_merged_result(
    shards: dict[str, Path], small: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    out, folder = small.path / "all.json", small.path / "recorded"
    folder.mkdir()
    main(["merge", *map(str, shards.values()), "--out", str(out)])
    assert all(one.environment is not None for one in load(out).memory)
    for _ in range(2):
        capsys.readouterr()
        assert main(["record", str(out), "--baselines", str(folder)]) == 0
        printed = capsys.readouterr().out
        if "memory: first recorded" not in printed:
            break
    assert "memory" in json.loads((folder / "toy.json").read_text())
    assert "memory: first recorded" not in printed


def test_all_is_recorded_in_a_folder_that_lacks_it(
    shards: dict[str, Path], small: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    small.run("-m", "rd", "--lic-update")
    file = small.path / "same.json"
    small.run("-m", "rd", f"--lic-json={file}")
    assert {point.comparison.verdict for point in load(file).points} == {"same"}
    folder = small.path / "elsewhere"
    folder.mkdir()
    assert main(["record", str(file), "--baselines", str(folder)]) == 0
    assert len(json.loads((folder / "toy.json").read_text())["entries"]) == 5


def test_no_output_takes_anothers_place(
    shards: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files, out = [str(file) for file in shards.values()], str(tmp_path / "all.json")
    assert main(["merge", *files, "--out", out, "--html", out]) == 2
    assert f"--html {out}: --out is this file too" in capsys.readouterr().err
    pipe, page = str(tmp_path / "pipe"), str(tmp_path / "page.html")
    os.mkfifo(pipe)
    assert main(["merge", *files, "--out", pipe, "--html", page]) == 2
    assert f"--out {pipe} is no file, from which --html could be made" in capsys.readouterr().err


def test_what_is_no_file_is_written_to_and_stays(shards: dict[str, Path], tmp_path: Path) -> None:
    pipe, link, file = tmp_path / "pipe", tmp_path / "link", tmp_path / "file.json"
    files = [str(one) for one in shards.values()]
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    main(["merge", *files, "--out", str(pipe)])
    reader.join()
    assert pipe.is_fifo()
    assert len(json.loads(read[0])["points"]) == 5
    link.symlink_to(file)
    main(["merge", *files, "--out", str(link)])
    assert link.is_symlink()
    assert len(load(file).points) == 5


def test_a_curve_that_no_shard_lists_is_named(
    shards: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for file in shards.values():
        stored = json.loads(file.read_text())
        stored["shard"]["left"] = []
        file.write_text(json.dumps(stored))
    files = [str(one) for one in shards.values()]
    assert main(["merge", *files, "--out", str(tmp_path / "all.json")]) == 2
    assert "was left to the merge, but no shard lists it" in capsys.readouterr().err
