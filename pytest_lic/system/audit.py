"""What this process opens, writes, sets and connects to, as Python's audit events tell.

Compiled code that opens files by itself is not seen, nor is another program.
"""

from __future__ import annotations

import os
import site
import sys
import sysconfig
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from importlib.machinery import all_suffixes
from pathlib import Path
from typing import Any

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_SYSTEM = ("/usr", "/lib", "/lib64", "/bin", "/etc", "/proc", "/sys", "/dev", "/System", "/Library")
_SHARED_MEMORY = "/dev/shm"


class Deed(StrEnum):
    """What was done, in the words of a message."""

    READ = "read"
    BUILT_FROM = "read, while it was built,"
    HELD = "holds open, since it was built,"
    WROTE = "wrote"
    SET = "set the environment variable"
    CONNECTED = "opened a connection to"


@dataclass(frozen=True)
class Touched:
    """Something outside of the process: a file's absolute path, a variable, an address."""

    deed: Deed
    what: str

    def __str__(self) -> str:
        return f"{self.deed} {self.what}"


class Audit:
    """Notes from now on; there is no way back, so one for each process.

    Files that were opened outside `noting` are the process's own affair, and never noted.

    Args:
        own: a folder that is the process's own too.
    """

    def __init__(self, own: Path) -> None:
        self._known: set[str] = set()
        self._noted: dict[Touched, None] | None = None
        self._roots = _roots(own)
        sys.addaudithook(self._hear)

    @contextmanager
    def noting(
        self, names: Collection[str] = (), *, everything: bool = False
    ) -> Iterator[list[Touched]]:
        """What is touched inside the block lies in the list behind it, each thing once.

        Unless ``everything`` is wanted, which is then known from before, left out are the
        interpreter and what is installed, the system's files, sources of Python, and files known
        from before, unless they have one of ``names``.
        """
        touched: list[Touched] = []
        self._noted = {}
        try:
            yield touched
        finally:
            noted, self._noted = self._noted, None
            touched += [each for each in noted if everything or self._strange(each, names)]
            if everything:
                self._known.update(each.what for each in noted)

    def is_strange(self, path: Path) -> bool:
        """Whether a file is none of the interpreter's, the system's or the process's own."""
        return not any(path.is_relative_to(root) for root in self._roots)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        # An exception here would end what is audited.
        noted = self._noted
        if event == "open":
            path, _, flags = arguments
            absolute = _absolute(path)
            if absolute is None:
                return
            if noted is None:
                self._known.add(absolute)
            else:
                wrote = isinstance(flags, int) and flags & _WRITES
                noted[Touched(Deed.WROTE if wrote else Deed.READ, absolute)] = None
        elif noted is None:
            return
        elif event in ("os.rename", "os.link", "os.symlink"):
            absolute = _absolute(arguments[1])
            if absolute is not None:
                noted[Touched(Deed.WROTE, absolute)] = None
        elif event == "os.putenv":
            noted[Touched(Deed.SET, os.fsdecode(arguments[0]))] = None
        elif event == "sqlite3.connect":
            absolute = _absolute(arguments[0])
            if absolute is not None:
                noted[Touched(Deed.WROTE, absolute)] = None
        elif event in ("socket.connect", "socket.sendto", "socket.bind"):
            noted[Touched(Deed.CONNECTED, str(arguments[1]))] = None

    def _strange(self, touched: Touched, names: Collection[str]) -> bool:
        if touched.deed in (Deed.SET, Deed.CONNECTED):
            return True
        path = Path(touched.what)
        if touched.deed is Deed.READ and path.name in names:
            return True
        if touched.what in self._known or "__pycache__" in path.parts:
            return False
        if touched.deed is Deed.READ and path.name.endswith(tuple(all_suffixes())):
            return False
        return path.is_relative_to(_SHARED_MEMORY) or self.is_strange(path)


def _absolute(path: Any) -> str | None:
    """None for what is no path, such as the number of a file that is open already."""
    if not isinstance(path, str | bytes | os.PathLike):
        return None
    return os.path.abspath(os.fsdecode(path))  # noqa: PTH100 (symbolic links stay as they are)


def _roots(own: Path) -> list[Path]:
    """Folders that every process of this Python may read."""
    installed = [
        *sysconfig.get_paths().values(),
        *(sys.prefix, sys.base_prefix, sys.exec_prefix, site.getusersitepackages()),
        *(path for path in sys.path if path.endswith(("site-packages", "dist-packages"))),
    ]
    folders = {Path(folder) for folder in (*installed, *_SYSTEM)} | {own, own.resolve()}
    return sorted(folders - {Path("/")})
