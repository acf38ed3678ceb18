"""Where in the user's code an error was raised."""

from __future__ import annotations

import re
import sysconfig
import traceback
from pathlib import Path

_OURS = Path(__file__).parents[1]
_PLACE = re.compile(r" \(at [^()]+:\d+, in [^()]+\)")
_LIBRARIES = ("torch", "torchvision", "numpy")


def place(error: BaseException) -> str:
    """`` (at FILE:LINE, in FUNCTION)``: the last frame of the user's code, or nothing.

    That is the last one outside this package, torch, numpy and Python's own modules. A file below
    the working directory is named from there.
    """
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not _is_foreign(Path(frame.filename))
    ]
    if not frames:
        return ""
    file, here = Path(frames[-1].filename), Path.cwd()
    shown = file.relative_to(here) if file.is_relative_to(here) else file
    return f" (at {shown}:{frames[-1].lineno}, in {frames[-1].name})"


def without_place(text: str) -> str:
    """A message without its place, which reads otherwise where the working directory is another."""
    return _PLACE.sub("", text)


def _is_foreign(file: Path) -> bool:
    if file.is_relative_to(_OURS) or not file.suffix:  # "<string>", "<frozen importlib>"
        return True
    for name in ("site-packages", "dist-packages"):
        if name in file.parts:
            return file.parts[file.parts.index(name) + 1] in _LIBRARIES
    return file.is_relative_to(sysconfig.get_path("stdlib"))
