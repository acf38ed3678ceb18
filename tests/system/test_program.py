"""A program that is run to its end, or not so far, and leaves nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pytest_lic.system.program import run_program

STARTS = """
import subprocess, sys
started = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
print(started.pid, flush=True)
"""


def test_what_it_wrote_comes_back_in_bytes_and_stdin_is_empty(tmp_path: Path) -> None:
    code = "import sys; print(repr(sys.stdin.read())); sys.stderr.buffer.write(b'\\xff'); exit(3)"
    done = run_program([sys.executable, "-c", code], cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (3, b"''\n", b"\xff")


def test_what_it_started_is_killed_and_not_waited_for() -> None:
    started = int(run_program([sys.executable, "-c", STARTS]).stdout)
    deadline = time.monotonic() + 10
    while is_running(started):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_one_that_takes_too_long_is_killed() -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        run_program([sys.executable, "-c", "import time; time.sleep(1000)"], timeout=0.5)


def is_running(process: int) -> bool:
    """Whether it is there, and not just waiting to be taken notice of."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    status = Path("/proc", str(process), "status")
    return not (status.is_file() and "zombie" in status.read_text())
