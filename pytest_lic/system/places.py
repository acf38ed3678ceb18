"""Where in the user's code an error was raised."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path

_OURS = Path(__file__).parents[1]


def place(error: BaseException) -> str:
    """`` (at FILE:LINE, in FUNCTION)``: the last frame outside torch and this plugin, or nothing.

    A file below the working directory is named from there.
    """
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith("<") and not _is_inside(Path(frame.filename))
    ]
    if not frames:
        return ""
    file, here = Path(frames[-1].filename), Path.cwd()
    shown = file.relative_to(here) if file.is_relative_to(here) else file
    return f" (at {shown}:{frames[-1].lineno}, in {frames[-1].name})"


def _is_inside(file: Path) -> bool:
    torch = getattr(sys.modules.get("torch"), "__file__", None)
    return file.is_relative_to(_OURS) or (
        torch is not None and file.is_relative_to(Path(torch).parent)
    )
