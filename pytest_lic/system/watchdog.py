"""A bound to what a codec's own code may do to this process: it can't hang it, nor end it.

    step comes back ──────────────────────────────► nothing happens
    step loops in Python, sleeps, waits ── limit ─► interrupted, a CodecError
    step is stuck in C, or holds the interpreter ── limit + 30 s ─► every stack on stderr, exit 1
    step calls os._exit ──────────────────────────► refused, a CodecError

What it can't bound: code that ends the process from C, such as ``exit(0)`` of a library. Such a run
has no summary and writes no results file.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from types import FrameType

from pytest_lic.errors import CodecError, Unwinding
from pytest_lic.system.places import place
from pytest_lic.system.process_end import CalledExit, refused

GRACE = 30.0
"""Seconds after the limit in which a step that was interrupted may end."""
_AGAIN = (
    5.0  # seconds between interruptions: code that catches everything may have caught the first
)


@dataclass(frozen=True)
class Limit:
    """How long a step may take.

    Args:
        seconds: of one step.
        stderr: file descriptor that the stacks of a process that is ended go to.
        option: what raises the limit, for the error.
    """

    seconds: float
    stderr: int
    option: str = "--lic-timeout"


LIMIT: ContextVar[Limit | None] = ContextVar("limit", default=None)
"""That of the steps of the test that runs; None leaves them alone."""


@contextlib.contextmanager
def limited(limit: Limit) -> Iterator[None]:
    """Bound the steps within the block."""
    token = LIMIT.set(limit)
    try:
        yield
    finally:
        LIMIT.reset(token)


@contextlib.contextmanager
def guarded(step: str) -> Iterator[None]:
    """Run one step of a codec's own code within the limit, where there is one.

    Args:
        step: what is done, should the process have to be ended.

    Raises:
        CodecError: the step took too long, or wanted to end the process.
    """
    limit = LIMIT.get()
    # Signals reach the main thread alone.
    if limit is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    try:
        with refused(), _interrupted_after(limit), _ended_after(limit, step):
            yield
    except _TookTooLong as stopped:
        raise CodecError(
            f"it did not come back within {limit.seconds:g} s, and was stopped{place(stopped)}; "
            f"raise {limit.option} if that is expected"
        ) from stopped
    except CalledExit as stopped:
        raise CodecError(
            f"it called os._exit({stopped.args[0]}){place(stopped)}, which would have ended the "
            "run without a report; raise an error instead"
        ) from stopped


class _TookTooLong(Unwinding):
    """The limit is over."""


@contextlib.contextmanager
def _interrupted_after(limit: Limit) -> Iterator[None]:
    """Raise `_TookTooLong` in the step, by a timer of the system."""
    timer = getattr(signal, "setitimer", None)
    if timer is None or signal.getitimer(signal.ITIMER_REAL)[0]:  # somebody else's is running
        yield
        return

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise _TookTooLong

    before = signal.signal(signal.SIGALRM, interrupt)
    timer(signal.ITIMER_REAL, limit.seconds, _AGAIN)
    try:
        yield
    finally:
        timer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def _ended_after(limit: Limit, step: str) -> Iterator[None]:
    """End the process, all stacks printed, where the step can't be interrupted."""
    most = limit.seconds + GRACE
    said = threading.Timer(most - 1.0, _say, (limit, step, time.monotonic()))
    said.daemon = True
    said.start()
    # By a thread that needs no turn of the interpreter, which the step may hold.
    faulthandler.dump_traceback_later(most, exit=True, file=limit.stderr)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        said.cancel()


def _say(limit: Limit, step: str, began: float) -> None:
    taken = time.monotonic() - began
    text = (
        f"\nlic: {step}: not back after {taken:.0f} s, and not to be interrupted: this process "
        f"ends, exit status 1; raise {limit.option} if that is expected\n"
    )
    os.write(limit.stderr, text.encode())
