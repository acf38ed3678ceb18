"""Shared: what the controller of a run gives to its workers."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from pytest_lic.project.discovery import Origin


@dataclass(frozen=True)
class Shared:
    """Where all processes of a run find the families, and its ``store``, a temporary folder."""

    origin: Origin
    store: Path

    @classmethod
    def create(cls, origin: Origin) -> Shared:
        """A new run's, with an empty store that `remove` takes away again."""
        return cls(origin, Path(tempfile.mkdtemp(prefix="pytest-lic-run-")))

    def remove(self) -> None:
        """Delete the run's store."""
        shutil.rmtree(self.store, ignore_errors=True)
