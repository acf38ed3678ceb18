"""A child process that answers requests, started when first asked and killed with all it started.

    parent                                       child: `child_main`, a fresh interpreter
    ChildProcess(Server, {...}, path=...) ─────▶ Server(**arguments)
    ask("decode", timeout, bitstream=...) ─────▶ server.decode(bitstream=...)
       ▲                                            │
       └── a dictionary, or ChildFailedError ◀──────┘  one JSON line

A child that hangs is told from one that died.
"""

from __future__ import annotations

import contextlib
import inspect
import json
import queue
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Self

from pytest_lic.system import child_main
from pytest_lic.system.program import kill_group

Answer = dict[str, Any]

_LAST_WORDS = 2000  # characters of the child's stderr that an error may quote


class ChildHungError(Exception):
    """No answer in time; the child has been killed."""


class ChildDiedError(Exception):
    """The child ended before it answered; the text says how, and its last words."""


class ChildFailedError(Exception):
    """What was asked for raised an error in the child, which lives on; the text is the error's.

    ``traceback`` is the child's, as Python prints it.
    """

    def __init__(self, text: str, traceback: str = "") -> None:
        super().__init__(text)
        self.traceback = traceback


class ChildProcess:
    """Starts the child on first use and ends it on `close`, after which it may be started again.

    Args:
        server: a class whose methods answer; loaded from its file in the child.
        arguments: of its constructor, as JSON.
        path: ``sys.path`` of the child.
        cwd: its working directory.
        env: its environment.
        stderr: where its error stream goes; written anew by each start.
    """

    def __init__(
        self,
        server: type,
        arguments: Mapping[str, Any],
        *,
        path: Sequence[str],
        cwd: str,
        env: Mapping[str, str],
        stderr: Path,
    ) -> None:
        start = {
            "file": inspect.getfile(server),
            "server": server.__name__,
            "arguments": arguments,
            "path": path,
        }
        self._command = [sys.executable, "-P", child_main.__file__, json.dumps(start)]
        self._cwd = cwd
        self._env = dict(env)
        self._stderr = stderr
        self._process: subprocess.Popen[str] | None = None
        self._answers: queue.Queue[str] = queue.Queue()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

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

    def ask(self, do: str, timeout: float, **arguments: Any) -> Answer:
        """What the server's method ``do`` returns.

        Raises:
            ChildHungError: it took more than ``timeout`` seconds.
            ChildDiedError: the child ended instead.
            ChildFailedError: the method raised an error, or the server could not be made.
        """
        self.send(do, **arguments)
        return self.answer(timeout)

    def send(self, do: str, **arguments: Any) -> None:
        """Set a request off; `answer` waits for what comes of it."""
        self.start()
        assert self._process is not None
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it is dead, as `answer` will tell
            self._process.stdin.write(json.dumps({"do": do, "arguments": arguments}) + "\n")
            self._process.stdin.flush()

    def answer(self, timeout: float) -> Answer:
        """As `ask`, for a request that was sent."""
        assert self._process is not None
        try:
            line = self._answers.get(timeout=timeout)
        except queue.Empty:
            self.stop()
            raise ChildHungError from None
        if not line.endswith("\n"):  # it died before it had said all
            status = self._process.wait()
            self.stop()
            raise ChildDiedError(f"{_status(status)}; its last words: {self._last_words()}")
        answer: Answer = json.loads(line)
        if "error" in answer:
            raise ChildFailedError(answer["error"], answer["traceback"])
        return answer

    def close(self) -> None:
        """End the child for good; what a subclass needed it for goes too."""
        self.stop()

    def stop(self) -> None:
        """End the child and what it started; it starts again when it is asked."""
        process, self._process = self._process, None
        if process is None:
            return
        kill_group(process.pid)
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):  # what it did not read any more
                    pipe.close()

    def _last_words(self) -> str:
        text = self._stderr.read_text(encoding="utf-8", errors="replace").strip()
        return text[-_LAST_WORDS:] or "(none)"


def _pump(stream: IO[str], lines: queue.Queue[str]) -> None:
    for line in stream:
        lines.put(line)
    lines.put("")


def _status(status: int) -> str:
    return f"killed by signal {-status}" if status < 0 else f"exit status {status}"
