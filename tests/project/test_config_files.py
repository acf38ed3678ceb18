"""``--lic-config``: codecs that a file describes, the same in every process of a run."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

import pytest

from pytest_lic.errors import UsageError
from pytest_lic.project.config_files import read_config
from tests.helpers.toy_project import Project
from tests.helpers.toy_reader import describe, install_reader

COMMAND = Path(sys.executable).with_name("pytest-lic")


@pytest.fixture
def reading(small: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project beside a package that registers a reader of .toy files."""
    install_reader(small.path / "site", monkeypatch)
    return small


def run(project: Project, *arguments: str) -> pytest.RunResult:
    """Run the suites without choosing a codec."""
    command = [each for each in project.command(*arguments) if each != "--lic-codec=toy"]
    if any(argument.startswith("-n") for argument in arguments):
        return project.pytester.runpytest_subprocess(*command, timeout=300)
    return project.pytester.runpytest_inprocess(*command)


def families(project: Project, *arguments: str) -> set[str]:
    """The families on the grid."""
    result = run(project, "-m", "roundtrip", "--collect-only", "-q", *arguments)
    assert result.ret == 0, result.stdout.str() + result.stderr.str()
    found = (line.partition("test_round_trip[")[2] for line in result.stdout.lines)
    return {cell.partition("-q")[0] for cell in found if cell}


def refusal(result: pytest.RunResult) -> str:
    """The one line with which a run refused to start."""
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    (line,) = [line for line in result.stderr.lines if line.strip()]
    return line.removeprefix("ERROR: ")


def test_the_codec_of_a_config_is_alone_on_the_grid_unless_codecs_are_chosen(
    reading: Project,
) -> None:
    describe(reading.path / "wide.toy", name="wide", factor=2)
    describe(reading.path / "fine.toy", name="fine", factor=0.5)
    assert families(reading, "--lic-config", "wide.toy") == {"wide"}
    assert families(reading, "--lic-config=wide.toy,fine.toy") == {"wide", "fine"}
    assert families(reading, "--lic-config=wide.toy", "--lic-config=./wide.toy") == {"wide"}
    chosen = families(reading, "--lic-config=wide.toy", "--lic-codec=toy,wide,jpeg")
    assert chosen == {"wide", "toy", "jpeg"}
    assert families(reading, "--lic-config=wide.toy", "--lic-component=steps=2") == {"wide"}


def test_a_config_in_the_ini_file_joins_the_other_codecs(
    reading: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    describe(reading.path / "configs" / "wide.toy", name="wide", factor=2)
    reading.pytester.makeini("[pytest]\nlic_config = configs/wide.toy\n")
    assert {"wide", "toy", "jpeg"} <= families(reading)
    below = reading.path / "below"
    below.mkdir()
    monkeypatch.chdir(below)
    assert "wide" in families(reading), "the ini file's path starts at the root folder"


def test_a_config_on_the_command_line_outdoes_the_codecs_of_the_ini_file(reading: Project) -> None:
    describe(reading.path / "wide.toy", name="wide", factor=2)
    reading.pytester.makeini("[pytest]\nlic_codec = toy\n")
    assert families(reading) == {"toy"}
    assert families(reading, "--lic-config=wide.toy") == {"wide"}


def test_a_config_is_recorded_then_gated(reading: Project) -> None:
    wide = describe(reading.path / "wide.toy", name="wide", factor=2)
    result = run(reading, "-m", "rd", "--lic-config=wide.toy", "--lic-update-missing")
    assert result.ret == 0, result.stdout.str()
    assert [path.name for path in reading.baseline.parent.iterdir()] == ["wide.json"]
    assert run(reading, "-m", "rd", "--lic-config=wide.toy").ret == 0
    describe(wide, name="wide", factor=3)
    result = run(reading, "-m", "rd", "--lic-config=wide.toy")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["  look closer: pytest * --lic-config wide.toy --lic-codec wide --lic-quality 1 *"]
    )


def test_workers_and_fresh_processes_find_the_codec_of_a_config(reading: Project) -> None:
    describe(reading.path / "wide.toy", name="wide", factor=2)
    chosen = ("--lic-config", "wide.toy", "--lic-quality=1", "-k", "test_fresh_process")
    result = run(reading, "-n1", "-m", "determinism", *chosen)
    result.assert_outcomes(passed=1)


def test_editing_a_config_measures_again(reading: Project) -> None:
    wide = describe(reading.path / "wide.toy", name="wide", factor=2)
    arguments = (*reading.defaults, "-m", "rd", "--lic-config=wide.toy", "--lic-update")
    command = [
        each for each in reading.command(*arguments, cached=True) if each != "--lic-codec=toy"
    ]
    for expected in ("5 points: 5 measured now*", "5 points, all from the cache*"):
        reading.pytester.runpytest_inprocess(*command).stdout.fnmatch_lines([f"lic: {expected}"])
    describe(wide, name="wide", factor=2, remark="the fingerprint does not know of this")
    result = reading.pytester.runpytest_inprocess(*command)
    result.stdout.fnmatch_lines(["lic: 5 points: 5 measured now*"])


def test_the_command_lists_the_codec_of_a_config(reading: Project) -> None:
    describe(reading.path / "wide.toy", name="wide", factor=2)
    result = reading.pytester.run(COMMAND, "list", "--config", "wide.toy", timeout=120)
    assert result.ret == 0, result.stderr.str()
    lines = {line.split()[0]: line for line in result.stdout.lines if line}
    assert lines["wide"] == "wide  qualities 1 2 3 4 5  quantizer=uniform steps=2 coder=zlib"
    assert "toy" in lines
    result = reading.pytester.run(COMMAND, "list", "--config", "gone.toy", timeout=120)
    assert result.ret == 2
    result.stderr.fnmatch_lines(["pytest-lic: config *gone.toy is not there; expected a file *"])


@pytest.mark.parametrize(
    ("described", "expected"),
    [
        ({"weights": "{path}: no weights\n  train first"}, "{path}: no weights; train first"),
        ({"weights": "no weights"}, "config {path}: no weights"),
        ({"gives": []}, "config {path} describes no codec: reader toys found none in it"),
        (
            {"gives": [3]},
            "config {path}: reader toys = toy_package:read gave 3; expected CodecFamily objects",
        ),
        (
            {"gives": 3},
            "config {path}: reader toys = toy_package:read failed: TypeError: 'int' object is not "
            "iterable; mend it, or uninstall the package that registers it",
        ),
        (
            {"exit": True},
            "config {path}: reader toys = toy_package:read failed: SystemExit: 2; mend it, or "
            "uninstall the package that registers it",
        ),
    ],
)
def test_a_config_that_can_not_be_honoured_is_one_line_that_names_it(
    reading: Project, described: dict[str, object], expected: str
) -> None:
    path = describe(reading.path / "bad.toy", **described)
    line = refusal(run(reading, "-m", "rd", "--lic-config=bad.toy"))
    assert line == expected.format(path=path)


def test_a_file_that_is_not_there_or_a_folder_is_refused(reading: Project) -> None:
    line = refusal(run(reading, "-m", "rd", "--lic-config=gone.toy"))
    path = reading.path / "gone.toy"
    assert line == f"config {path} is not there; expected a file that describes a codec"
    line = refusal(run(reading, "-m", "rd", "--lic-config=site"))
    path = reading.path / "site"
    assert line == f"config {path} is a folder; expected a file that describes a codec"
    line = refusal(run(reading, "-m", "rd", "--lic-config="))
    assert line == "--lic-config is empty; give it a value, or leave it out"


def test_a_file_of_no_readers_kind_is_refused_with_the_readers(reading: Project) -> None:
    (reading.path / "notes.txt").write_text("not a codec")
    line = refusal(run(reading, "-m", "rd", "--lic-config=notes.txt"))
    assert line.startswith(f"config {reading.path / 'notes.txt'} describes no codec that an inst")
    assert "toys (toy_package:read)" in line


def test_two_families_of_one_name_are_refused_with_both_sources(reading: Project) -> None:
    first = describe(reading.path / "first.toy", name="wide", factor=2)
    second = describe(reading.path / "second.toy", name="wide", factor=3)
    line = refusal(run(reading, "-m", "rd", "--lic-config=first.toy,second.toy"))
    assert line == (
        f"two codec families are named 'wide': one from config {first}, one from config {second}; "
        "rename one"
    )
    describe(first, name="jpeg", factor=2)
    line = refusal(run(reading, "-m", "rd", "--lic-config=first.toy"))
    assert line.startswith("two codec families are named 'jpeg': one from entry point pillow = ")


def test_pruning_is_refused_where_a_config_leaves_other_codecs_out(reading: Project) -> None:
    describe(reading.path / "wide.toy", name="wide", factor=2)
    line = refusal(run(reading, "-m", "rd", "--lic-config=wide.toy", "--lic-prune"))
    assert line.startswith("--lic-prune needs a run of every codec and quality")


def test_without_any_reader_the_group_to_register_in_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metadata, "entry_points", lambda **selection: metadata.EntryPoints())
    (tmp_path / "my.yaml").write_text("model: {}\n")
    with pytest.raises(UsageError, match=r"my\.yaml can't be read: no installed .*lic\.configs$"):
        read_config(tmp_path / "my.yaml")
