"""Small texts that stand in a checkout for large files which were not fetched."""

from __future__ import annotations

from pathlib import Path

_POINTERS = {
    b"version https://git-lfs.github.com/spec/": ("Git LFS", "git lfs pull"),
    b"/annex/objects/": ("git-annex", "git annex get"),
}


def how_to_fetch(path: Path) -> str | None:
    """What a file is and how to get its content, where it stands for another; otherwise None."""
    try:
        with path.open("rb") as file:
            start = file.read(100)
    except OSError:
        return None
    for mark, (kind, command) in _POINTERS.items():
        if start.startswith(mark):
            return f"a pointer of {kind}, not the file itself; fetch it with: {command}"
    return None
