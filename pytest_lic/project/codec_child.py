"""A child process that finds the project's codecs again: both of its sides."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_lic.errors import CodecError
from pytest_lic.project.discovery import Origin, rediscover
from pytest_lic.system.child_process import ChildProcess

_WORK = "empty"


class CodecServer:
    """The child's side: ``families`` found again, in an empty working directory.

    Args:
        folder: of the origin that the codecs are found from.
        args: of it.
        exchange: where requests and answers leave files.
    """

    def __init__(self, *, folder: str, args: Sequence[str], exchange: str) -> None:
        try:
            self.families = rediscover(Origin(folder, tuple(args), tuple(sys.path)))
        except Exception as error:
            raise CodecError(
                f"the codecs could not be found again: {type(error).__name__}: {error}"
            ) from error
        self.exchange = Path(exchange)
        os.chdir(self.exchange / _WORK)


class CodecChild(ChildProcess):
    """The parent's side; its folder ``exchange`` goes with it.

    Args:
        server: answers in the child.
        origin: how the child finds the families.
        variables: of its environment, beside the origin's.
        arguments: more of the server's constructor.
    """

    def __init__(
        self,
        server: type[CodecServer],
        origin: Origin,
        variables: Mapping[str, str] | None = None,
        **arguments: Any,
    ) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="pytest-lic-")
        self.exchange = Path(self._temporary.name)
        work = self.exchange / _WORK
        work.mkdir()
        own = {"folder": origin.folder, "args": origin.args, "exchange": str(self.exchange)}
        super().__init__(
            server,
            own | arguments,
            path=origin.path,
            cwd=origin.folder,
            env={**origin.variables, **(variables or {}), "TMPDIR": str(work)},
            stderr=self.exchange / "stderr.txt",
        )
