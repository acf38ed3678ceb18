"""Run one program of a codec for one image, and quote it where it fails."""

from __future__ import annotations

import shlex
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from pytest_lic.errors import CodecError
from pytest_lic.system.program import run_program

_SHOWN_LINES = 5
_SHOWN_BYTES = 4096


def run_coder(words: Sequence[str], *, folder: Path, timeout: float, what: str) -> None:
    """Run a program in ``folder``, without a shell and with nothing on stdin, until it ends.

    Raises:
        CodecError: in the name of ``what``: it could not be started, failed or took too long.
    """
    command = shlex.join(words)
    try:
        done = run_program(words, cwd=folder, timeout=timeout)
    except (OSError, ValueError) as error:
        raise CodecError(f"{what} could not be started ({error}): {command}") from error
    except subprocess.TimeoutExpired as error:
        raise CodecError(
            f"{what} timed out after {timeout:g} s: {command}; "
            "raise the family's timeout if it only needs longer"
        ) from error
    status = done.returncode
    if status != 0:
        said = _last_lines(done.stderr) or _last_lines(done.stdout) or "it printed nothing"
        ended = f"exit status {status}" if status > 0 else f"signal {_signal_name(-status)}"
        raise CodecError(f"{what} failed with {ended}: {command}\n{said}")


def _last_lines(output: bytes) -> str:
    lines = output[-_SHOWN_BYTES:].decode(errors="replace").strip().splitlines()
    return "\n".join(lines[-_SHOWN_LINES:])


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
