"""Shards as jobs, by submitit's own executor of this machine in place of SLURM."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pytest_lic.cli import main
from pytest_lic.engines import slurm
from pytest_lic.engines.engine import Needs
from pytest_lic.engines.slurm import SlurmEngine
from pytest_lic.engines.task import Died, Hopeless, ShardTask
from pytest_lic.engines.work_folder import Request, WorkFolder
from pytest_lic.errors import UnavailableError, UsageError
from pytest_lic.measuring.shards import Shard
from pytest_lic.results.json_file import load
from tests.helpers.dying_codecs import DIES_ONCE
from tests.helpers.toy_project import Project

pytest.importorskip("submitit", reason="submitit is not installed")

SLOW = """
import pathlib
import time


class Slow(Toy):
    def encode(self, images):
        pathlib.Path("began").touch()
        while not pathlib.Path("go").exists():
            time.sleep(0.1)
        return super().encode(images)
"""


def words(project: Project, *options: str) -> list[str]:
    out = f"--out={project.path / 'all.json'}"
    engine = ("--engine=slurm", "--cluster=local", "--shards=2")
    return ["run", *engine, out, *options, "--", *project.command("-m", "rd")]


def test_jobs_find_what_one_run_finds_and_one_that_died_is_tried_again(
    small: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    small.run("-m", "rd", "--lic-update")
    small.write_codec(DIES_ONCE, "DiesOnce")
    capsys.readouterr()
    assert main(words(small)) == 0
    told = capsys.readouterr()
    assert "tried again (1 of 3)" in told.err
    assert "2 shards: 5 points and 1 curve: 6 same" in told.out


def test_the_same_command_finds_jobs_again_that_go_on(
    small: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    small.run("-m", "rd", "--lic-update")
    small.write_codec(SLOW, "Slow")
    command = [sys.executable, "-m", "pytest_lic", *words(small)]
    with subprocess.Popen(command, cwd=small.path, stderr=subprocess.DEVNULL) as first:
        until = time.monotonic() + 120
        while not (small.path / "began").exists() and time.monotonic() < until:
            time.sleep(0.1)
        first.send_signal(signal.SIGKILL)
    (jobs,) = small.path.glob(".pytest-lic/runs/*/jobs.json")
    before = jobs.read_text()
    second = subprocess.Popen(command, cwd=small.path, stdout=subprocess.PIPE, text=True)
    time.sleep(5)
    assert jobs.read_text() == before  # it submitted nothing
    (small.path / "go").touch()
    told, _ = second.communicate(timeout=200)
    assert second.returncode == 0
    assert "6 same" in told
    assert len(load(small.path / "all.json").points) == 5


TRACE = """Job (task=0) failed during processing with trace:
----------------------
Traceback (most recent call last):
  File "task.py", line 3, in run
{error}
----------------------
You can check full logs with 'job.stderr()' or at paths:
  - /jobs/7_0_log.out"""


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ("OSError: disk full", "it failed there: OSError: disk full"),
        (
            "UncompletedJobError: Job not requeued because: timed-out and not checkpointable.",
            "it took longer than --minutes allows",
        ),
    ],
)
def test_what_a_job_raised_is_told_and_not_where_its_log_lies(error: str, reason: str) -> None:
    assert slurm._failed(TRACE.format(error=error)) == Hopeless(reason)


def test_a_scheduler_that_takes_no_more_jobs_costs_none_of_those_that_run(
    folder: WorkFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    from submitit.core.utils import FailedJobError

    engine = SlurmEngine(folder.path, folder, "local", Needs(), 60, {})

    def refuse(*_: object) -> None:
        raise FailedJobError("sbatch: error: Socket timed out")

    monkeypatch.setattr(engine._executor, "map_array", refuse)
    task = ShardTask((), Shard(2, 2))
    with pytest.raises(UnavailableError, match="SLURM took no job: sbatch"):
        engine.submit([task])  # where nothing runs yet, that is an error
    engine._jobs[Shard(1, 2)] = object()
    engine.submit([task])
    ((shard, end),) = engine.wait(0.0)
    assert shard == task.shard
    assert end == Died("SLURM took no job: sbatch: error: Socket timed out")


@pytest.fixture
def folder(tmp_path: Path) -> WorkFolder:
    return WorkFolder(tmp_path, Request((), 2, ".", "code", "3.11", "0.1"))


def test_a_machine_without_slurm_is_told(
    folder: WorkFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UnavailableError, match="--engine slurm: no SLURM here"):
        SlurmEngine(folder.path, folder, "slurm", Needs(), 60, {})


def test_a_part_of_a_gpu_is_refused(folder: WorkFolder) -> None:
    with pytest.raises(UsageError, match=r"--gpus 0\.5: SLURM gives whole GPUs"):
        SlurmEngine(folder.path, folder, "local", Needs(gpus=0.5), 60, {})


def test_an_option_that_submitit_does_not_take_is_refused(folder: WorkFolder) -> None:
    with pytest.raises(UsageError, match=r"--engine slurm: .*slurm_partitoin"):
        SlurmEngine(folder.path, folder, "local", Needs(), 60, {"slurm_partitoin": "gpu"})
