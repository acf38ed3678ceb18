"""Texts that stay in their files until they are read, since there are too many for memory."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from pytest_lic.errors import ResultsError

Place = tuple[int, int, int] | bytes
"""The number of a file, where in it a text begins, and its size in bytes; or the text itself."""

_BLOCK = 2**18  # bytes, of neighbours that are likely to be read next
_AT_HAND = 64  # blocks


@dataclass(frozen=True)
class TextFile:
    """What was read of a file; ``number`` is None of a pipe, which can't be read again."""

    content: bytes
    number: int | None

    def place(self, start: int, size: int) -> Place:
        """That of a text."""
        if self.number is None:
            return self.content[start : start + size]
        return self.number, start, size


class TextFiles:
    """Reads texts from files, which stay as they are meanwhile."""

    def __init__(self) -> None:
        self._files: list[tuple[Path, tuple[int, int]]] = []
        self._blocks: dict[tuple[int, int], bytes] = {}

    def add(self, file: Path) -> TextFile:
        """Read a file; OSError where it can't be."""
        with file.open("rb") as stream:
            facts, content = os.fstat(stream.fileno()), stream.read()
        if not stat.S_ISREG(facts.st_mode):
            return TextFile(content, None)
        self._files.append((file, _state(facts)))
        return TextFile(content, len(self._files) - 1)

    def read(self, place: Place) -> bytes:
        """The text there.

        Raises:
            ResultsError: its file was changed, or can't be read any more.
        """
        if isinstance(place, bytes):
            return place
        file, start, size = place
        block, inside = divmod(start, _BLOCK)
        text = self._block(file, block)[inside : inside + size]
        while len(text) < size:
            block += 1
            text += self._block(file, block)[: size - len(text)]
        return text

    def _block(self, number: int, block: int) -> bytes:
        key = number, block
        if key not in self._blocks:
            if len(self._blocks) == _AT_HAND:
                del self._blocks[next(iter(self._blocks))]
            file, state = self._files[number]
            try:
                with file.open("rb", buffering=0) as stream:
                    stream.seek(block * _BLOCK)
                    content = stream.read(_BLOCK)
                    now = _state(os.fstat(stream.fileno()))
            except OSError as error:
                raise ResultsError(f"{file} can't be read any more: {error}") from error
            if now != state:
                raise ResultsError(f"{file} was changed while it was read; start again")
            self._blocks[key] = content
        return self._blocks[key]


def _state(facts: os.stat_result) -> tuple[int, int]:
    return facts.st_size, facts.st_mtime_ns
