"""A child process that answers one JSON line with another.

It is started when first asked, killed with all that it started, and a hanging one is told from
one that died.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

_LAST_WORDS = 2000  # characters of the child's stderr that an error may quote


class ChildHungError(Exception):
    """No answer in time; the child has been killed."""


class ChildDiedError(Exception):
    """The child ended before it answered; the text says how, and its last words."""


class ChildProcess:
    """Starts the child on first use and ends it on `close`.

    Args:
        command: program and arguments.
        cwd: its working directory.
        env: its environment.
        stderr: where its error stream goes; written anew by each start.
    """

    def __init__(
        self, command: Sequence[str], *, cwd: str, env: Mapping[str, str], stderr: Path
    ) -> None:
        self._command = list(command)
        self._cwd = cwd
        self._env = dict(env)
        self._stderr = stderr
        self._process: subprocess.Popen[str] | None = None
        self._answers: queue.Queue[str] = queue.Queue()

    def start(self) -> None:
        """Start the child, unless it runs."""
        if self._process is not None:
            return
        with self._stderr.open("w", encoding="utf-8") as stderr:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                cwd=self._cwd,
                env=self._env,
                text=True,
                # Ctrl-C is for the parent, who ends the child and whatever that started.
                start_new_session=True,
            )
        assert self._process.stdout is not None
        self._answers = queue.Queue()
        threading.Thread(
            target=_pump, args=(self._process.stdout, self._answers), daemon=True
        ).start()

    def ask(self, request: Mapping[str, Any], timeout: float) -> dict[str, Any]:
        """The answer to one request.

        Raises:
            ChildHungError: it took more than ``timeout`` seconds.
            ChildDiedError: it ended instead.
        """
        self.send(request)
        return self.answer(timeout)

    def send(self, request: Mapping[str, Any]) -> None:
        """Set a request off; `answer` waits for what comes of it."""
        self.start()
        assert self._process is not None
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it is dead, as `answer` will tell
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()

    def answer(self, timeout: float) -> dict[str, Any]:
        """As `ask`, for a request that was sent."""
        assert self._process is not None
        try:
            line = self._answers.get(timeout=timeout)
        except queue.Empty:
            self.close()
            raise ChildHungError from None
        if not line.endswith("\n"):  # it died before it had said all
            status = self._process.wait()
            self.close()
            raise ChildDiedError(f"{_status(status)}; its last words: {self.last_words()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End the child and what it started; it may be started again."""
        process, self._process = self._process, None
        if process is None:
            return
        kill_session(process.pid)
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):  # what it did not read any more
                    pipe.close()

    def last_words(self) -> str:
        """The end of what it wrote to its error stream."""
        text = self._stderr.read_text(encoding="utf-8", errors="replace").strip()
        return text[-_LAST_WORDS:] or "(none)"


def run_in_session(
    command: Sequence[str],
    *,
    timeout: float | None = None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """As `subprocess.run`, but whatever ends the wait ends all that the command started.

    Raises:
        subprocess.TimeoutExpired: it took more than ``timeout`` seconds.
    """
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="surrogateescape",
        cwd=cwd,
        env=env,
        start_new_session=True,
    ) as process:
        try:
            out, error = process.communicate(timeout=timeout)
        except BaseException:
            kill_session(process.pid)
            raise
    return subprocess.CompletedProcess(command, process.returncode, out, error)


def kill_session(leader: int) -> None:
    """Kill a process that leads a session of its own, and the others of its process group."""
    with contextlib.suppress(ProcessLookupError):  # all of them have ended
        os.killpg(leader, signal.SIGKILL)


def _pump(stream: IO[str], lines: queue.Queue[str]) -> None:
    for line in stream:
        lines.put(line)
    lines.put("")


def _status(status: int) -> str:
    return f"killed by signal {-status}" if status < 0 else f"exit status {status}"
