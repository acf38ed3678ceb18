"""Run a program to its end, and leave nothing of it behind."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path


def run_program(
    command: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """As `subprocess.run`, with nothing on stdin, and what the program wrote in bytes.

    It leads a process group of its own; whatever of the group is left when it ends, after
    ``timeout`` seconds or on Ctrl-C, is killed. A descendant that opens a session of its own
    escapes that.

    Raises:
        OSError, ValueError: it could not be started.
        subprocess.TimeoutExpired: it took more than ``timeout`` seconds.
    """
    # Files, not pipes: a descendant that lives on would hold a pipe open and us with it.
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            cwd=cwd,
            env=env,
            start_new_session=True,
        )
        try:
            status = process.wait(timeout)
        finally:
            kill_group(process.pid)
            process.wait()
        stdout.seek(0)
        stderr.seek(0)
        return subprocess.CompletedProcess(command, status, stdout.read(), stderr.read())


def kill_group(leader: int) -> None:
    """Kill a process that leads a group of its own, and the others of the group."""
    with suppress(ProcessLookupError, PermissionError):  # nothing of it is left
        os.killpg(leader, signal.SIGKILL)
