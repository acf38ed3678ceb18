"""What a command says while it works, how wide it may be, and how it ends when interrupted."""

from __future__ import annotations

import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPTED = 130
"""The exit status after Ctrl-C, as shells have it."""


def say(text: str) -> None:
    """One line of progress, on the error stream."""
    print(f"pytest-lic: {text}", file=sys.stderr, flush=True)


def terminal_width() -> int:
    """In characters; 0 where the output is no terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 0


@contextmanager
def ended_like_interrupted() -> Iterator[None]:
    """Within the block, have SIGTERM clean up as Ctrl-C does."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
