"""``pytest-lic run`` on this machine: one result of all shards, and what it refuses at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pytest_lic.cli import main
from pytest_lic.results.json_file import load
from tests.helpers.dying_codecs import DIES_ONCE
from tests.helpers.toy_project import Project

DIES = """
import os


class Dies(Toy):
    def encode(self, images):
        if self.step == 20:
            os.kill(os.getpid(), 9)
        return super().encode(images)
"""
CHANGES = """
import pathlib


class Changes(Toy):
    def encode(self, images):
        pathlib.Path("meanwhile.py").touch()
        return super().encode(images)
"""
SLOW = """
import pathlib
import time


class Slow(Toy):
    def encode(self, images):
        pathlib.Path("began").touch()
        time.sleep(100)
"""


def words(project: Project, *options: str, tests: tuple[str, ...] = ("-m", "rd")) -> list[str]:
    out = project.path / "all.json"
    return ["run", "--shards=2", f"--out={out}", *options, "--", *project.command(*tests)]


def kept(project: Project) -> list[str]:
    return sorted(file.name for file in project.path.glob(".pytest-lic/runs/*/shard-*.json"))


def test_all_shards_make_one_result(small: Project, capsys: pytest.CaptureFixture[str]) -> None:
    small.run("-m", "rd", "--lic-update")
    capsys.readouterr()
    junit = small.path / "all.xml"
    assert main(words(small, f"--junit={junit}")) == 0
    assert "2 shards: 5 points and 1 curve: 6 same" in capsys.readouterr().out
    merged = load(small.path / "all.json")
    assert len(merged.points) == 5
    assert merged.seconds
    assert "test_curve" in junit.read_text()
    assert kept(small) == []  # all of it is in all.json


def test_a_shard_whose_process_was_killed_is_tried_again(
    small: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    small.run("-m", "rd", "--lic-update")
    small.write_codec(DIES_ONCE, "DiesOnce")
    capsys.readouterr()
    assert main(words(small)) == 0
    told = capsys.readouterr()
    assert "its process was killed by signal 9" in told.err
    assert "tried again (1 of 3)" in told.err
    assert "6 same" in told.out


def test_a_lost_shard_fails_the_run_and_the_same_command_runs_what_is_missing(
    small: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    small.run("-m", "rd", "--lic-update")
    small.write_codec(DIES, "Dies")
    capsys.readouterr()
    assert main(words(small, "--tries=0", "--processes=1")) == 1
    told = capsys.readouterr()
    assert "is lost: its process was killed by signal 9" in told.err
    assert "failed: toy-q3-images-native-b1-cpu: shard" in told.out
    (left,) = kept(small)
    arrived = load(next(small.path.glob(f".pytest-lic/runs/*/{left}")))
    merged = load(small.path / "all.json")
    assert {point.comparison.subject for point in arrived.points} == {
        point.comparison.subject for point in merged.points
    }

    assert main(words(small, "--tries=0")) == 1
    told = capsys.readouterr()
    assert "1 shard of 2 arrived before" in told.err
    assert "0/1" in told.err  # one alone is run


def test_shards_whose_code_changed_meanwhile_are_neither_merged_nor_kept(
    small: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    small.run("-m", "rd", "--lic-update")
    small.write_codec(CHANGES, "Changes")
    capsys.readouterr()
    assert main(words(small)) == 2
    assert "the project's code changed while the shards ran" in capsys.readouterr().err
    assert not (small.path / "all.json").exists()
    assert kept(small) == []


def test_ctrl_c_leaves_no_process_and_keeps_what_arrived(small: Project) -> None:
    small.write_codec(SLOW, "Slow")
    command = [sys.executable, "-m", "pytest_lic", *words(small)]
    with subprocess.Popen(command, cwd=small.path, stderr=subprocess.PIPE, text=True) as child:
        until = time.monotonic() + 120
        while not (small.path / "began").exists() and time.monotonic() < until:
            time.sleep(0.1)
        child.send_signal(signal.SIGINT)
        _, told = child.communicate(timeout=60)
    assert child.returncode == 130
    assert "interrupted; 0 shards of 2 are kept, and the same command goes on" in told
    assert not _running(str(small.images), "--lic-shard=")


def _running(*parts: str) -> list[str]:
    """Command lines of this machine's processes that hold all the parts."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if all(part in line for part in parts) and str(os.getpid()) != file.parent.name:
            found.append(line)
    return found


@pytest.mark.parametrize(
    ("options", "tests", "error"),
    [
        ((), ("--lic-codec=tony",), "no codec is named 'tony'; did you mean toy?"),
        ((), ("--lic-json=a.json",), "--lic-json: each shard would write it; use --out"),
        ((), ("--lic-html=a.html",), "--lic-html: each shard would write it; use --html"),
        ((), ("--junit-xml=a.xml",), "--junit-xml: each shard would write it; use --junit"),
        ((), ("--lic-shard=1/2",), "--lic-shard: pytest-lic run says which shard is which"),
        ((), ("--lic-update",), "--lic-update: a shard sees a part of the grid"),
        (("--address=a:1",), (), "--address is an option of --engine ray"),
        (("--minutes=5",), (), "--minutes is an option of --engine slurm"),
        (("--gpus=1",), (), "--gpus is an option of --engine ray and slurm"),
        (("--tries=-1",), (), "--tries -1: expected 0 or more"),
        (("--engine=ray", "--gpus=nan"), (), "--gpus nan: expected a number of at least 0"),
        (("--engine=slurm", "--cpus=0"), (), "--cpus 0: expected a number of at least 0.0001"),
        (("--engine=ray",), ("--lic-baselines-of=HEAD",), "--lic-baselines-of HEAD needs git"),
        (("--html=nowhere/a.html",), (), "--html nowhere/a.html: there is no folder"),
        (("--engine=slurm", "--slurm=gpu"), (), "--slurm 'gpu': expected KEY=VALUE"),
        (("--engine=ray", "--address=here"), (), "--address here: expected HOST:PORT"),
        (("--engine=ray", "--address=127.0.0.1:9"), (), "--address 127.0.0.1:9: no Ray cluster"),
    ],
)
def test_what_is_wrong_is_said_before_anything_runs(
    small: Project,
    capsys: pytest.CaptureFixture[str],
    options: tuple[str, ...],
    tests: tuple[str, ...],
    error: str,
) -> None:
    assert main(words(small, *options, tests=tests)) == 2
    told = capsys.readouterr().err
    assert error in told
    assert "Traceback" not in told
    assert not (small.path / "all.json").exists()


@pytest.mark.parametrize("option", ["--shards=0", "--memory=much", "--processes=two"])
def test_numbers_are_checked(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["run", option, "--out=a.json"])
    assert option.partition("=")[0] in capsys.readouterr().err
