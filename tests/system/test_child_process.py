"""A child that answers, fails, prints, dies or hangs, and what it started goes with it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_lic.system.child_process import (
    ChildDiedError,
    ChildFailedError,
    ChildHungError,
    ChildProcess,
)
from tests.helpers.places import ROOT


class Server:
    """Runs in the child, which loads this file for it."""

    def __init__(self, greeting: str) -> None:
        if not greeting:
            raise ValueError("no greeting")
        self._greeting = greeting

    def greet(self, name: str) -> dict[str, str]:
        print("noise that is no answer")
        return {"text": f"{self._greeting}, {name}", "in": str(Path.cwd())}

    def fail(self) -> dict[str, str]:
        raise KeyError("lost")

    def die(self) -> dict[str, str]:
        print("goodbye", file=sys.stderr, flush=True)
        os._exit(7)

    def hang(self, pids: str) -> dict[str, str]:
        started = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
        Path(pids).write_text(f"{os.getpid()} {started.pid}")
        time.sleep(1000)
        return {}


def child_in(folder: Path, greeting: str) -> ChildProcess:
    """A child that can import what this process can."""
    return ChildProcess(
        Server,
        {"greeting": greeting},
        path=sys.path,
        cwd=str(folder),
        env=os.environ,
        stderr=folder / "stderr.txt",
    )


@pytest.fixture
def child(tmp_path: Path) -> Iterator[ChildProcess]:
    with child_in(tmp_path, "hello") as started:
        yield started


def test_it_answers_and_goes_on_behind_an_error(child: ChildProcess, tmp_path: Path) -> None:
    with pytest.raises(ChildFailedError, match="KeyError: 'lost'") as failed:
        child.ask("fail", 60)
    assert 'raise KeyError("lost")' in failed.value.traceback
    assert child.ask("greet", 60, name="you") == {"text": "hello, you", "in": str(tmp_path)}


def test_a_server_that_can_not_be_made_says_so_each_time(tmp_path: Path) -> None:
    with child_in(tmp_path, "") as child:
        for _ in range(2):
            with pytest.raises(ChildFailedError, match="ValueError: no greeting"):
                child.ask("greet", 60, name="you")


def test_a_death_is_told_with_its_last_words_and_another_is_started(child: ChildProcess) -> None:
    with pytest.raises(ChildDiedError, match="exit status 7; its last words: goodbye"):
        child.ask("die", 60)
    assert child.ask("greet", 60, name="you")["text"] == "hello, you"


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
def test_one_that_hangs_is_killed_with_what_it_started(child: ChildProcess, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    child.ask("greet", 60, name="you")
    with pytest.raises(ChildHungError):
        child.ask("hang", 3, pids=str(pids))
    for pid in pids.read_text().split():
        await_end(pid)


def await_end(pid: str) -> None:
    deadline = time.monotonic() + 10
    status = Path("/proc", pid, "status")
    while status.exists() and "zombie" not in status.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
def test_a_child_ends_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    program = f"""
import sys
from pathlib import Path
sys.path[:] = {sys.path!r}
from tests.system.test_child_process import child_in

child = child_in(Path({str(tmp_path)!r}), "hello")
child.ask("hang", 100, pids={str(pids)!r})
"""
    parent = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT)
    until = time.monotonic() + 60
    while not pids.exists() and time.monotonic() < until:
        time.sleep(0.1)
    time.sleep(0.5)
    child, _ = pids.read_text().split()
    parent.kill()
    parent.wait()
    await_end(child)
