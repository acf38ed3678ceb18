"""Files that a command writes for the user, each named by its option in what goes wrong."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from pytest_lic.errors import UsageError

_T = TypeVar("_T")


def add_json(parser: argparse.ArgumentParser) -> None:
    """Declare ``--json``."""
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all numbers here")


def add_outputs(parser: argparse.ArgumentParser) -> None:
    """Declare ``--json`` and ``--markdown``."""
    add_json(parser)
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="also write a report here")


def require_folders(arguments: argparse.Namespace) -> None:
    """`require_folder` of the files that these options name."""
    for option in ("json", "markdown"):
        file = getattr(arguments, option, None)
        if file is not None:
            require_folder(f"--{option}", file)


def write_outputs(
    arguments: argparse.Namespace,
    result: _T,
    to_json: Callable[[_T], dict[str, Any]],
    to_markdown: Callable[[_T], str] | None = None,
) -> None:
    """Write what ``--json`` and ``--markdown`` ask for."""
    if arguments.json is not None:
        text = json.dumps(to_json(result), indent=1, ensure_ascii=False)
        write("--json", arguments.json, text + "\n")
    if to_markdown is not None and arguments.markdown is not None:
        write("--markdown", arguments.markdown, to_markdown(result))


def require_folder(option: str, file: Path) -> None:
    """UsageError before long work if there is no folder for what it would be written to."""
    folder = file.resolve().parent
    if not folder.is_dir():
        raise UsageError(f"{option} {file}: there is no folder {folder}")


def write(option: str, file: Path, text: str) -> None:
    """Write ``text``; UsageError where that fails."""
    with writing(option, file):
        # Texts of results may hold what is no character (a byte of a file's name).
        file.write_text(text, encoding="utf-8", errors="backslashreplace")


@contextmanager
def writing(option: str, file: Path) -> Iterator[None]:
    """Make a UsageError of what goes wrong while the file is written."""
    try:
        yield
    except OSError as error:
        raise UsageError(f"{option} {file}: can't be written: {error}") from error
