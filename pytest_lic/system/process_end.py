"""The end of this process: never with status 0 before its report, nor for ever delayed by a thread.

``os._exit`` is replaced before any ``conftest.py`` is loaded, so that a name imported from ``os``
means the same. Code that ends the process from C is not held.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from typing import NoReturn

from pytest_lic.errors import Unwinding

_really = os._exit
_refusing: int | None = None
"""The process in which a step of a codec runs, which must not end it."""
_guarded: int | None = None
"""The process whose session must end with its own status."""
_status: int | None = None
"""That of the session; None until it has its report."""


class CalledExit(Unwinding):
    """With the status that the process would have ended with."""


def replace_exit() -> None:
    """Have ``os._exit`` look whether it may."""
    os._exit = _exit


@contextlib.contextmanager
def refused() -> Iterator[None]:
    """Inside the block, ``os._exit`` raises `CalledExit` in this process; a fork of it may end."""
    global _refusing
    before, _refusing = _refusing, os.getpid()
    installed, os._exit = os._exit, _exit
    try:
        yield
    finally:
        _refusing = before
        os._exit = installed


def begin() -> bool:
    """From now on, this process has a session; False where it is within another one."""
    global _guarded, _status
    if _guarded == os.getpid():
        return False
    _guarded, _status = os.getpid(), None
    return True


def conclude(status: int) -> None:
    """The session has its report; the process ends with no better status than this one."""
    global _status
    _status = status


def lingering(before: Iterable[threading.Thread], patience: float = 2.0) -> list[str]:
    """The threads that would keep this process from ending, each with what it runs.

    Args:
        before: threads that were there when the session began.
        patience: seconds that they have to end by themselves, all together.
    """
    known = {*before, threading.main_thread(), threading.current_thread()}
    until = time.monotonic() + patience
    alive = []
    for thread in threading.enumerate():
        if thread in known or thread.daemon:
            continue
        thread.join(max(until - time.monotonic(), 0.0))
        if thread.is_alive():
            alive.append(thread)
    return [_told(thread) for thread in alive]


def end_without_waiting() -> None:
    """Once Python would wait for threads, end the process with the session's status."""

    def end() -> NoReturn:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):  # closed, or nobody reads it
                stream.flush()
        _really(1 if _status is None else _status)

    # What atexit calls comes after the waiting.
    threading._register_atexit(end)  # type: ignore[attr-defined]


def _told(thread: threading.Thread) -> str:
    frame = sys._current_frames().get(thread.ident or 0)
    where = ""
    while frame is not None:
        where = f"{frame.f_code.co_filename}:{frame.f_lineno}"  # the outermost but for threading's
        if frame.f_back is not None and frame.f_back.f_code.co_filename == threading.__file__:
            break
        frame = frame.f_back
    return f"{thread.name} (at {where})" if where else thread.name


def _exit(status: int) -> NoReturn:
    if os.getpid() == _refusing:
        raise CalledExit(status)
    if os.getpid() == _guarded:
        if status == 0 and _status is None:
            text = (
                "\nlic: os._exit(0) was called before pytest had its report: nothing was found "
                "out, so this process ends with exit status 1\n"
            )
            os.write(2, text.encode())
            status = 1
        status = status or _status or 0
    _really(status)
