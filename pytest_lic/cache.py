"""The measurement store: within a run nothing is measured twice, between runs nothing unchanged is.

An entry is one JSON file, named after a digest of its key: codec fingerprint, image bytes,
circumstances, metrics. Beside the measurement it lists every project source file that the process
had imported when it was made; it is used only while each of them is as it was. That list is wide on
purpose: one file too many costs a measurement, one too few would let a stale number through.

A lock per entry lets workers share the store: who comes second waits and reads.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import sysconfig
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType

import filelock
import platformdirs

from pytest_lic.measure import Measurement

FORMAT = 1

# Parts of this plugin that can't change a measurement; the rest of its source can.
_IDLE = ("pytest_lic.suites", "pytest_lic.report", "pytest_lic.plugin", "pytest_lic.cli")


@dataclass(frozen=True)
class Stored:
    """A measurement, and whether it was ``measured`` just now or found."""

    measurement: Measurement
    measured: bool


@dataclass(frozen=True)
class MeasurementStore:
    """Measurements of this run in ``run``, and of earlier ones in ``cache`` (None: not kept)."""

    run: Path
    cache: Path | None

    def get(
        self, key: Mapping[str, object], durable: bool, measure: Callable[[], Measurement]
    ) -> Stored:
        """The measurement of ``key``, made by ``measure`` if it is nowhere.

        Args:
            key: everything the measurement depends on but the source code; JSON.
            durable: the key is complete, so that a later run may use the entry.
            measure: makes it; what it raises is passed on, and nothing is stored.
        """
        text = json.dumps([FORMAT, key], sort_keys=True)
        name = hashlib.sha256(text.encode()).hexdigest()[:32]
        self.run.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(self.run / f"{name}.lock"):
            here = self.run / f"{name}.json"
            kept = self.cache / name[:2] / f"{name}.json" if self.cache and durable else None
            found = _read(here, check_sources=False)
            if found is None and kept is not None:
                found = _read(kept, check_sources=True)
            if found is not None:
                return Stored(found, measured=False)
            measurement = measure()
            _write(here, key, measurement, {})
            if kept is not None:
                _write(kept, key, measurement, project_sources())
            return Stored(measurement, measured=True)


@dataclass(frozen=True)
class Usage:
    """What a cache folder holds."""

    folder: Path
    entries: int
    size: int  # bytes


def default_folder() -> Path:
    """Where measurements are kept between runs unless the user says otherwise."""
    return platformdirs.user_cache_path("pytest-lic") / "measurements"


def usage(folder: Path) -> Usage:
    """Count the entries of a cache folder; one that does not exist is empty."""
    files = list(folder.glob("*/*.json"))
    return Usage(folder, len(files), sum(file.stat().st_size for file in files))


def clear(folder: Path) -> Usage:
    """Remove every entry of a cache folder, and nothing else that may lie there."""
    before = usage(folder)
    for file in folder.glob("*/*.json"):
        file.unlink(missing_ok=True)
        if not any(file.parent.iterdir()):
            shutil.rmtree(file.parent, ignore_errors=True)
    return before


def project_sources() -> dict[str, str]:
    """Path → digest of every imported module outside the standard library and site-packages."""
    sources = {}
    for name, module in list(sys.modules.items()):
        path = _project_file(name, module)
        if path is not None and (found := _file_digest(path)) is not None:
            sources[path] = found
    return dict(sorted(sources.items()))


def _project_file(name: str, module: ModuleType) -> str | None:
    found = getattr(module, "__file__", None)
    if not found or name.startswith(_IDLE):
        return None
    path: str = os.path.realpath(found)
    if path.startswith(_installed_folders()):
        return None
    return path


@cache
def _installed_folders() -> tuple[str, ...]:
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    folders = {os.path.realpath(sysconfig.get_path(name)) for name in names}
    folders |= {
        os.path.realpath(entry)
        for entry in sys.path
        if Path(entry).name in ("site-packages", "dist-packages")
    }
    return tuple(sorted(folder + os.sep for folder in folders))


def _file_digest(path: str) -> str | None:
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16]
    except OSError:
        return None


def _read(path: Path, *, check_sources: bool) -> Measurement | None:
    """The entry, or None where there is none that can be used: it is then made again."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if check_sources and any(
            _file_digest(source) != known for source, known in stored["sources"].items()
        ):
            return None
        return Measurement.from_json(stored["measurement"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _write(
    path: Path,
    key: Mapping[str, object],
    measurement: Measurement,
    sources: Mapping[str, str],
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    entry = {"key": key, "sources": sources, "measurement": measurement.to_json()}
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(json.dumps(entry), encoding="utf-8")
    temporary.replace(path)
