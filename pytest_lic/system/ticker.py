"""Progress of long work, said every ten seconds at most."""

from __future__ import annotations

import time
from collections.abc import Callable


class Ticker:
    """Says how far a cell is, at most every ten seconds, and nothing of one that is done."""

    def __init__(self, subject: str, say: Callable[[str], None]) -> None:
        self._subject = subject
        self._say = say
        self._last = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        """``done`` of ``total`` images are through."""
        now = time.monotonic()
        if now - self._last > 10 and done < total:
            self._last = now
            self._say(f"{self._subject}: {done} of {total} images")
