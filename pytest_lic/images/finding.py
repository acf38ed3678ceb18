"""The image files below a folder."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator
from mimetypes import guess_type
from pathlib import Path

from pytest_lic.errors import CorpusError
from pytest_lic.images.reading import readable_formats


def image_files(folder: Path) -> Iterator[Path]:
    """Every image file below a folder, in no order to rely on.

    Links are followed, each real folder once even if they loop; hidden files and folders, and files
    whose suffix is no image format's, are ignored.

    Raises:
        CorpusError: a folder in it that can't be listed.
    """
    suffixes = readable_formats()
    return (path for path in _files(folder) if path.suffix.lower() in suffixes)


def passed_over(folder: Path) -> list[str]:
    """The names of files below a folder that `image_files` ignores and that may be images, sorted.

    Those that are hidden, or a text or program by their suffix, are none.

    Raises:
        CorpusError: a folder in it that can't be listed.
    """
    suffixes = readable_formats()
    return sorted(
        name_below(folder, path)
        for path in _files(folder)
        if path.suffix.lower() not in suffixes
        and not (guess_type(path.name)[0] or "").startswith(("text/", "application/"))
    )


def _files(folder: Path) -> Iterator[Path]:

    def unreadable(error: OSError) -> None:
        raise CorpusError(f"{error.filename}: can't be listed ({error.strerror})") from error

    visited = set()
    for here, folders, files in os.walk(folder, followlinks=True, onerror=unreadable):
        status = Path(here).stat()
        if (status.st_dev, status.st_ino) in visited:
            folders.clear()
            continue
        visited.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in files:
            if not name.startswith("."):
                yield Path(here, name)


def name_below(folder: Path, path: Path) -> str:
    """A file's path below ``folder``, its accents in one spelling, as file systems differ."""
    return unicodedata.normalize("NFC", path.relative_to(folder).as_posix())
