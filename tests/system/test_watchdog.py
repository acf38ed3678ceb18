"""What a codec's code can do neither: hang the process, nor end it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from pytest_lic.errors import CodecError
from pytest_lic.system.watchdog import LIMIT, Limit, guarded, limited

SOON = Limit(0.3, 2)
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no timers of the system there")


def test_a_step_that_comes_back_is_left_alone() -> None:
    before = signal.getsignal(signal.SIGALRM), os._exit
    with limited(SOON), guarded("a step"):
        pass
    assert (signal.getsignal(signal.SIGALRM), os._exit) == before
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0
    assert LIMIT.get() is None


def test_a_loop_that_catches_everything_is_interrupted_and_its_place_named() -> None:
    began = time.monotonic()
    with limited(SOON), pytest.raises(CodecError) as caught, guarded("a step"):
        loop_for_ever()
    assert time.monotonic() - began < 5
    assert "did not come back within 0.3 s" in str(caught.value)
    assert "test_watchdog.py:" in str(caught.value)
    assert "--lic-timeout" in str(caught.value)


def loop_for_ever() -> None:
    while True:
        with contextlib.suppress(Exception):
            time.sleep(0.01)


def test_os_exit_is_refused_but_in_a_fork() -> None:
    refused = pytest.raises(CodecError, match=r"os\._exit\(0\) \(at .*test_watchdog")
    with limited(SOON), refused, guarded("a step"):
        os._exit(0)
    with limited(Limit(20, 2)), guarded("a step"):
        child = os.fork()
        if not child:
            os._exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def test_without_a_limit_and_in_other_threads_nothing_is_bound() -> None:
    with guarded("a step"):
        assert signal.getitimer(signal.ITIMER_REAL)[0] == 0
    seen: list[float] = []

    def other() -> None:
        with limited(SOON), guarded("a step"):
            seen.append(signal.getitimer(signal.ITIMER_REAL)[0])

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert seen == [0]


def test_a_timer_of_somebody_else_goes_on() -> None:
    before = signal.signal(signal.SIGALRM, lambda *_: None)
    try:
        signal.setitimer(signal.ITIMER_REAL, 100)
        with limited(SOON), guarded("a step"):
            assert signal.getitimer(signal.ITIMER_REAL)[0] > 90
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 90
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


# A loop in C that holds the interpreter until it is done: no signal's handler has a turn.
STUCK = """
from pytest_lic.system import watchdog
watchdog.GRACE = 1.5
with watchdog.limited(watchdog.Limit(0.3, 2)), watchdog.guarded("decoder on photo7"):
    sum(range(10**13))
print("came back")
"""


def test_what_can_not_be_interrupted_ends_the_process_with_all_stacks() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", STUCK], capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert "Timeout" in ended.stderr
    assert 'File "<string>", line 5' in ended.stderr


DEAF = """
import signal, time
from pytest_lic.system import watchdog
watchdog.GRACE = 1.5
with watchdog.limited(watchdog.Limit(0.3, 2)), watchdog.guarded("decoder on photo7"):
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    time.sleep(60)
"""


def test_the_step_is_named_where_the_interpreter_has_a_turn() -> None:
    ended = subprocess.run([sys.executable, "-c", DEAF], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert "lic: decoder on photo7: not back after" in ended.stderr
    assert "Timeout" in ended.stderr
