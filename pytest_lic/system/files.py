"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def write_whole(path: Path, content: bytes, *, shared: bool = False) -> None:
    """Write a file, wholly or not at all; an OSError leaves it as it was.

    Args:
        path: of the file; its folder is made where it is missing.
        content: all of it.
        shared: another process may be writing the same file, which can be made again.
    """
    with written_whole(path, shared=shared) as new, new.open("wb") as stream:
        stream.write(content)


@contextmanager
def written_whole(path: Path, *, shared: bool = False) -> Iterator[Path]:
    """A new file to be filled, which takes the place of ``path`` at the end; else as `write_whole`.

    What killed processes left behind is removed, and the disk waited for, unless it is ``shared``.
    """
    if path.exists() and not path.is_file():  # /dev/stdout, a pipe: never replaced
        with tempfile.TemporaryDirectory() as folder:
            new = Path(folder, "new")
            new.touch()
            yield new
            with new.open("rb") as content, path.open("wb") as stream:
                shutil.copyfileobj(content, stream)
        return
    path = Path(os.path.realpath(path))  # what a link leads to, not the link
    path.parent.mkdir(parents=True, exist_ok=True)
    for leftover in () if shared else path.parent.glob(f".{path.name}.*.new"):
        leftover.unlink(missing_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".new")
    new = Path(temporary)
    try:
        with os.fdopen(handle, "wb") as stream:
            yield new
            if not shared:
                os.fsync(stream.fileno())
        umask = os.umask(0)
        os.umask(umask)
        new.chmod(0o666 & ~umask)
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
