"""What became of a shard's process, by how it ended and what it left."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pytest_lic.engines import end_with_parent
from pytest_lic.engines.task import Died, Ended, end_of, shard_environment, why_refused


@pytest.fixture
def results(tmp_path: Path) -> Path:
    file = tmp_path / "results.json"
    file.write_bytes(b"{}")
    return file


@pytest.mark.parametrize("status", [0, 1, 5])
def test_a_run_that_ended_has_results(results: Path, status: int) -> None:
    assert end_of(status, results, b"passed") == Ended(status, b"{}", "passed")


def test_what_failed_after_its_results_were_written_is_no_pass(results: Path) -> None:
    results.write_text('{"run": {"exit_status": 0}}')
    assert end_of(1, results, b"a hook broke") == Ended(1, b"", "a hook broke")
    assert end_of(0, results, b"").results
    results.write_text('{"run": {"exit_status": 1}}')
    assert end_of(1, results, b"").results


def test_a_page_of_one_shard_is_none_for_the_summary(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    monkeypatch.setenv("MINE", "kept")
    assert "GITHUB_STEP_SUMMARY" not in shard_environment()
    assert shard_environment()["MINE"] == "kept"


@pytest.mark.parametrize("status", [2, 4])
def test_a_run_that_pytest_refused_has_none(results: Path, status: int) -> None:
    assert end_of(status, results, b"no") == Ended(status, b"", "no")


@pytest.mark.parametrize(
    ("status", "words"),
    [(-9, "killed by signal 9"), (3, "exit status 3"), (137, "exit status 137"), (0, "status 0")],
)
def test_one_that_left_nothing_died(tmp_path: Path, status: int, words: str) -> None:
    end = end_of(status, tmp_path / "none.json", b"so far\nso good\n")
    assert isinstance(end, Died)
    assert words in end.reason
    assert end.reason.endswith("its last words: so good")


def test_results_of_a_process_that_was_killed_do_not_count(results: Path) -> None:
    assert isinstance(end_of(-9, results, b""), Died)


def test_what_pytest_said_is_found_among_other_lines() -> None:
    assert why_refused("a\nERROR: this\nusage: …\nERROR: that\n") == "this; that"
    assert why_refused("one\ntwo\n\nthree\nfour\n") == "two; three; four"
    assert why_refused("") == "it said nothing"


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's signal is Linux's")
def test_a_program_ends_with_the_process_that_started_it() -> None:
    sleeper = "import os, time; print(os.getpid(), flush=True); time.sleep(300)"
    starter = (
        "import os, subprocess, sys\n"
        f"subprocess.run([sys.executable, {end_with_parent.__file__!r}, str(os.getpid()), "
        f"sys.executable, '-c', {sleeper!r}])\n"
    )
    with subprocess.Popen([sys.executable, "-c", starter], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
    until = time.monotonic() + 30
    while _runs(child) and time.monotonic() < until:
        time.sleep(0.1)
    assert not _runs(child)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
        return Path(f"/proc/{process}/stat").read_text().split()[2] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
