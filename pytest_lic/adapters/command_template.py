"""A command with placeholders: its words, checked, and the files that they name."""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import string
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

from pytest_lic.errors import UsageError

Template = str | Sequence[str | Path]
"""One line, or the words of a command."""


def command_words(
    template: Template, allowed: Sequence[str], required: Sequence[str], where: str
) -> tuple[str, ...]:
    """The words of a command, its placeholders checked and the files it names made absolute."""
    try:
        words = shlex.split(template) if isinstance(template, str) else [*map(str, template)]
        fields = {field for word in words for field in _fields(word)}
    except ValueError as error:
        raise UsageError(f"{where}: {template!r} can't be read as a command: {error}") from error
    if not words or not words[0]:
        raise UsageError(f"{where}: the command is empty")
    for field in sorted(fields - set(allowed)):
        raise UsageError(
            f"{where}: {{{field}}} is not a placeholder here; "
            f"expected {', '.join(f'{{{name}}}' for name in allowed)}"
        )
    for field in required:
        if field not in fields:
            raise UsageError(f"{where}: the command lacks {{{field}}}")
    if os.sep in words[0]:
        words[0] = str(Path(words[0]).absolute())
    return (words[0], *(_absolute(word) for word in words[1:]))


def _fields(word: str) -> Iterator[str]:
    for _, field, spec, conversion in string.Formatter().parse(word):
        if field is not None:
            # {quality!r} or {quality:04d}: the label is a text and stands as it is.
            yield field + (f"!{conversion}" if conversion else "") + (f":{spec}" if spec else "")


def _absolute(word: str) -> str:
    return str(Path(word).absolute()) if os.sep in word and Path(word).is_file() else word


def files_named(word: str) -> Iterator[Path]:
    """The files that a word of a command names: a program, a path or ``--option=PATH``.

    Of a folder, all that lie below it.
    """
    program = shutil.which(word)
    if program is not None:
        yield Path(program).resolve()
        return
    for text in (word, word.partition("=")[2]):
        path = Path(text)
        if os.sep in text and path.is_file():
            yield path.resolve()
        elif os.sep in text and path.is_dir():
            yield from (below.resolve() for below in path.rglob("*") if below.is_file())


def file_digest(path: Path) -> str:
    """SHA-256 of a file, computed again once the file was written."""
    status = path.stat()
    return _digest(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=1024)
def _digest(path: Path, modified: int, size: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
