"""Decoded images that were measured here, which are kept for crops.

A baseline holds digests of its reconstructions. Where one of that digest was decoded on this
machine before, it lies beside the cached measurements, and a report shows it:

    measured ─ keep ─▶ FOLDER/<digest>.png ─ find ─▶ crop beside the regressed one

The folder holds at most `LIMIT` bytes: what was longest of no use goes first.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_lic.images import png
from pytest_lic.measuring import coding
from pytest_lic.system.files import write_whole

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LIMIT = 1_000_000_000
"""Bytes of PNG files in one folder."""

LARGEST = 4_000_000
"""Pixels of an image that is kept: larger ones would soon push out all others."""

_FOLDER = "reconstructions"


class Reconstructions:
    """Reconstructions by the digest of their pixels.

    Args:
        cache: the folder that all runs share; None keeps nothing.
    """

    def __init__(self, cache: Path | None) -> None:
        self._folder = cache / _FOLDER if cache is not None else None
        self._grew = False

    def keep(self, pixels: NDArray[np.uint8]) -> None:
        """Keep 8-bit RGB pixels, (H, W, 3), unless they are too many; a full disk costs them."""
        if self._folder is None or pixels.shape[0] * pixels.shape[1] > LARGEST:
            return
        path = self._path(coding.digest(pixels))
        if self._used(path):
            return
        try:
            write_whole(path, png.encoded(pixels, compress_level=1), shared=True)
            self._grew = True
        except OSError:  # the measurement itself, which is written beside it, warns of it
            self._folder = None

    def find(self, digest: str) -> NDArray[np.uint8] | None:
        """The pixels of this digest, or None where they are not at hand."""
        if self._folder is None:
            return None
        path = self._path(digest)
        try:
            pixels = png.decoded(path)
        except (OSError, SyntaxError, ValueError):  # not there, or damaged: Pillow says any
            return None
        return pixels if coding.digest(pixels) == digest else None

    def use(self, digests: Iterable[str]) -> None:
        """Those of these digests that are here are of use still."""
        if self._folder is not None and self._folder.is_dir():
            for digest in digests:
                self._used(self._path(digest))

    def trim(self) -> None:
        """Remove what is beyond `LIMIT`, if this object kept anything."""
        if self._folder is None or not self._grew:
            return
        files = []
        for path in kept(self._folder.parent):
            try:
                status = path.stat()
            except FileNotFoundError:
                continue  # another run removed it
            files.append((status.st_mtime, status.st_size, path))
        room = LIMIT
        for _, size, path in sorted(files, reverse=True):
            room -= size
            if room < 0:
                path.unlink(missing_ok=True)

    def _path(self, digest: str) -> Path:
        assert self._folder is not None
        return self._folder / f"{digest}.png"

    @staticmethod
    def _used(path: Path) -> bool:
        try:
            os.utime(path)
        except OSError:  # not there, or another user's
            return path.exists()
        return True


def kept(cache: Path) -> Iterator[Path]:
    """The files of a cache folder that hold reconstructions, halves of a killed run among them."""
    for path in (cache / _FOLDER).glob("*"):
        if path.suffix == ".png" or path.name.endswith(".new"):
            yield path
