"""Run one program for one image, and leave nothing of it behind."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from pytest_lic.errors import CodecError

_SHOWN_LINES = 5
_SHOWN_BYTES = 4096


def run_program(words: Sequence[str], *, folder: Path, timeout: float, what: str) -> None:
    """Run a program in ``folder``, without a shell and with nothing on stdin, until it ends.

    It leads a process group of its own; whatever of the group is left when it ends, or after
    ``timeout`` seconds, is killed. A descendant that opens a session of its own escapes that.

    Raises:
        CodecError: in the name of ``what``: it could not be started, failed or took too long.
    """
    command = shlex.join(words)
    complaints = folder / "stderr"
    remarks = folder / "stdout"
    # Files, not pipes: a descendant that lives on would hold a pipe open and us with it.
    with complaints.open("wb") as stderr, remarks.open("wb") as stdout:
        try:
            process = subprocess.Popen(
                words,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise CodecError(f"{what} could not be started ({error}): {command}") from error
        try:
            status = process.wait(timeout)
        except subprocess.TimeoutExpired as error:
            raise CodecError(
                f"{what} timed out after {timeout:g} s: {command}; "
                "raise the family's timeout if it only needs longer"
            ) from error
        finally:
            _kill_group(process)
    if status != 0:
        said = _last_lines(complaints) or _last_lines(remarks) or "it printed nothing"
        ended = f"exit status {status}" if status > 0 else f"signal {_signal_name(-status)}"
        raise CodecError(f"{what} failed with {ended}: {command}\n{said}")


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):  # nothing of the group is left
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _last_lines(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - _SHOWN_BYTES, 0))
        lines = file.read().decode(errors="replace").strip().splitlines()
    return "\n".join(lines[-_SHOWN_LINES:])


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
