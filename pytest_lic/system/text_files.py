"""Texts that stay in their files until they are read, since there are too many for memory."""

from __future__ import annotations

import os
from pathlib import Path

Place = tuple[int, int, int] | bytes
"""The number of a file, where in it a text begins, and its size in bytes; or a text of no file."""

_BLOCK = 2**16  # bytes, of neighbours that are likely to be read next
_AT_HAND = 256  # blocks


class TextFiles:
    """Reads texts from files, which stay as they are meanwhile."""

    def __init__(self) -> None:
        self._files: list[tuple[Path, tuple[int, int]]] = []
        self._blocks: dict[tuple[int, int], bytes] = {}

    def add(self, file: Path) -> tuple[int, bytes]:
        """A file's number, and what is in it; OSError where it can't be read."""
        with file.open("rb") as stream:
            state, content = _state(stream.fileno()), stream.read()
        self._files.append((file, state))
        return len(self._files) - 1, content

    def read(self, place: Place) -> bytes:
        """The text there.

        Raises:
            OSError: its file was changed, or can't be read any more.
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
            with file.open("rb", buffering=0) as stream:
                stream.seek(block * _BLOCK)
                content = stream.read(_BLOCK)
                if _state(stream.fileno()) != state:
                    raise OSError(f"{file} was changed after it had been read")
            self._blocks[key] = content
        return self._blocks[key]


def _state(descriptor: int) -> tuple[int, int]:
    facts = os.fstat(descriptor)
    return facts.st_size, facts.st_mtime_ns
