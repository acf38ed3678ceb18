"""Files that a command writes for the user, each named by its option in what goes wrong."""

from __future__ import annotations

from pathlib import Path

from pytest_lic.errors import UsageError


def require_folder(option: str, file: Path) -> None:
    """UsageError before long work if there is no folder for what it would be written to."""
    folder = file.resolve().parent
    if not folder.is_dir():
        raise UsageError(f"{option} {file}: there is no folder {folder}")


def write(option: str, file: Path, text: str) -> None:
    """Write ``text``; UsageError where that fails."""
    try:
        # Texts of results may hold what is no character (a byte of a file's name).
        file.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise UsageError(f"{option} {file}: can't be written: {error}") from error
