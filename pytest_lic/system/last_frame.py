"""Where in a user's code an error came from, in a few words for its message."""

from __future__ import annotations

import sysconfig
import traceback
from pathlib import Path

_OURS = Path(__file__).parents[1]
_LIBRARIES = ("torch", "torchvision", "numpy")


def last_frame(error: BaseException) -> str:
    """Such as ``" (conftest.py, line 72, in decode)"``; empty where there is no such frame.

    The last of the error's frames outside this package, torch, numpy and Python's own modules.
    """
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        path = Path(frame.f_code.co_filename)
        if not _is_foreign(path):
            return f" ({path.name}, line {line}, in {frame.f_code.co_name})"
    return ""


def _is_foreign(path: Path) -> bool:
    if path.is_relative_to(_OURS) or not path.suffix:  # "<string>", "<frozen importlib>"
        return True
    for name in ("site-packages", "dist-packages"):
        if name in path.parts:
            return path.parts[path.parts.index(name) + 1] in _LIBRARIES
    return path.is_relative_to(sysconfig.get_path("stdlib"))
