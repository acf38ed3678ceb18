"""A child process that finds the project's codecs again: both of its sides."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_lic.errors import CodecError, is_crash
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
        except BaseException as error:
            if not is_crash(error):
                raise
            raise CodecError(
                f"the codecs could not be found again: {type(error).__name__}: {error}"
            ) from error
        self.exchange = Path(exchange)
        os.chdir(self.exchange / _WORK)


class CodecChild(ChildProcess):
    """The parent's side; its folder ``exchange`` goes when it is closed.

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
        self._folder = Path(tempfile.mkdtemp(prefix="pytest-lic-"))
        # For whoever does not close it.
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        own = {"folder": origin.folder, "args": origin.args, "exchange": str(self._folder)}
        super().__init__(
            server,
            own | arguments,
            path=origin.path,
            cwd=origin.folder,
            env={**origin.variables, **(variables or {}), "TMPDIR": str(self._folder / _WORK)},
            stderr=self._folder / "stderr.txt",
        )

    @property
    def exchange(self) -> Path:
        """The folder, there from now on."""
        self._make_folder()
        return self._folder

    def start(self) -> None:
        """Start the child, unless it runs."""
        self._make_folder()
        super().start()

    def close(self) -> None:
        """End the child and what it started, and remove the folder."""
        super().close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _make_folder(self) -> None:
        (self._folder / _WORK).mkdir(parents=True, exist_ok=True)
