"""What Linux says of this process's memory."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

_STATUS = Path("/proc/self/status")


def memory_bytes(field: Literal["VmData", "VmHWM", "VmRSS"]) -> int | None:
    """A field of proc_pid_status(5), in bytes; None where the system does not tell.

    ``VmData`` is allocated, touched or not, ``VmRSS`` resident, and ``VmHWM`` the most of that.
    """
    lines = _STATUS.read_text().splitlines() if _STATUS.is_file() else []
    kilobytes = (line.split()[1] for line in lines if line.startswith(f"{field}:"))
    return next((1024 * int(number) for number in kilobytes), None)
