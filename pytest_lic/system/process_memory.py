"""What Linux says of this process: its memory, and the files that it holds open."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path
from typing import Literal

_STATUS = Path("/proc/self/status")
_HANDLES = Path("/proc/self/fd")
_FLAGS = Path("/proc/self/fdinfo")


def memory_bytes(field: Literal["VmData", "VmHWM", "VmRSS"]) -> int | None:
    """A field of proc_pid_status(5), in bytes; None where the system does not tell.

    ``VmData`` is allocated, touched or not, ``VmRSS`` resident, and ``VmHWM`` the most of that.
    """
    lines = _STATUS.read_text().splitlines() if _STATUS.is_file() else []
    kilobytes = (line.split()[1] for line in lines if line.startswith(f"{field}:"))
    return next((1024 * int(number) for number in kilobytes), None)


def open_handles() -> int | None:
    """How many files, sockets and pipes are open; None where the system does not tell."""
    return len(list(_HANDLES.iterdir())) if _HANDLES.is_dir() else None


def held_files() -> dict[Path, os.stat_result]:
    """The files, with a name, that this process holds open to read and write, as they are now.

    Nothing where the system does not tell.
    """
    held = {}
    for handle in list(_HANDLES.iterdir()) if _HANDLES.is_dir() else ():
        with contextlib.suppress(OSError):  # closed since
            path, status = handle.readlink(), handle.stat()
            flags = int((_FLAGS / handle.name).read_text().split("flags:")[1].split()[0], 8)
            both = flags & os.O_ACCMODE == os.O_RDWR
            if stat.S_ISREG(status.st_mode) and path.is_absolute() and both:
                held[path] = status
    return held
