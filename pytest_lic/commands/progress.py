"""What a command says while it works, on the error stream, and how it ends when interrupted."""

from __future__ import annotations

import sys

INTERRUPTED = 130
"""The exit status after Ctrl-C, as shells have it."""


def say(text: str) -> None:
    """One line of progress."""
    print(f"pytest-lic: {text}", file=sys.stderr, flush=True)
