"""Measurements of this run and of earlier ones: nothing that is unchanged is measured twice.

An entry is one JSON file, named after a digest of its key: codec fingerprint, image bytes,
circumstances, metrics. Beside the measurement it lists every project source file that the process
had imported when it was made; it is used only while each of them is as it was. That list is wide on
purpose: one file too many costs a measurement, one too few would let a stale number through. A file
counts as it was when the process was first seen to have imported it, so that one edited while the
tests run spoils nothing.

A lock per entry lets workers share the store: who comes second waits and reads.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
import sysconfig
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

import filelock
import platformdirs

from pytest_lic.measuring import reconstructions
from pytest_lic.measuring.measure import Measurement
from pytest_lic.system.files import write_whole
from pytest_lic.system.typed_json import plain, structured

FORMAT = 1

_PACKAGE_FOLDERS = ("site-packages", "dist-packages")

CAN_CHANGE_A_NUMBER = (
    *("adapters", "images", "measuring", "system"),
    *("codec", "container", "entropy_coder", "errors", "levels", "probability_tables"),
    *("quantizer", "rate_matching"),
    *("project.config_files", "project.discovery", "project.family_calls", "project.registration"),
    *("run.codecs", "run.measurements", "run.setup"),
)
"""The parts of this plugin that can change a measurement; editing another one spoils none."""


@dataclass(frozen=True)
class Stored:
    """A measurement, and whether it was ``measured`` just now or earlier."""

    measurement: Measurement
    measured: bool


class MeasurementStore:
    """Measurements of this run, and of earlier ones.

    Args:
        run: folder that all processes of this run share.
        cache: folder that all runs share; None keeps nothing between runs.
        sources: source files that count although ``sys.modules`` may not have them: a
            ``conftest.py`` is pushed out by the next one.
    """

    def __init__(self, run: Path, cache: Path | None, sources: Iterable[str] = ()) -> None:
        self._run = run
        self._cache = cache
        self._named = tuple(os.path.realpath(source) for source in sources)
        # A file that is new stands in no entry, and only a conftest.py is imported by no other.
        self._conftests = sorted(path for path in project_files() if path.endswith("conftest.py"))
        self._seen: dict[str, str | None] = {}
        if cache is not None:
            self._sources()  # now, before anything is edited

    def get(
        self, key: Mapping[str, object], durable: bool, measure: Callable[[], Measurement]
    ) -> Stored:
        """The measurement of ``key``, made by ``measure`` if it is nowhere.

        A cache that can't be written is a warning: the measurement itself is good.

        Args:
            key: everything the measurement depends on but the source code; JSON.
            durable: the key is complete, so that a later run may use the entry.
            measure: makes it; what it raises is passed on, and nothing is stored.
        """
        text = json.dumps([FORMAT, key, self._conftests], sort_keys=True)
        name = hashlib.sha256(text.encode()).hexdigest()[:32]
        self._run.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(self._run / f"{name}.lock"):
            here = self._run / f"{name}.json"
            cached = self._cache / name[:2] / f"{name}.json" if self._cache and durable else None
            known = _read(here, {})
            if known is None and cached is not None:
                known = _read(cached, self._seen)
            if known is not None:
                return Stored(known, measured=False)
            measurement = measure()
            _write(here, key, measurement, {})
            if cached is not None:
                try:
                    _write(cached, key, measurement, self._sources())
                except OSError as error:
                    warnings.warn(
                        f"pytest-lic: the cache {self._cache} can't be written "
                        f"({error.strerror}), so the next run measures anew; name another folder "
                        "with --lic-cache-dir, or ask for none with --lic-no-cache",
                        stacklevel=2,
                    )
            return Stored(measurement, measured=True)

    def _sources(self) -> dict[str, str]:
        """Path → digest of every project file imported so far, each as when it was first seen."""
        for path in (*self._named, *project_files()):
            if path not in self._seen:
                self._seen[path] = _file_digest(path)
        return {path: digest for path, digest in sorted(self._seen.items()) if digest is not None}


@dataclass(frozen=True)
class Usage:
    """What a cache folder holds."""

    folder: Path
    entries: int
    reconstructions: int
    size: int  # bytes, of all


@cache
def installed_packages() -> str:
    """A digest of every installed distribution, part of each key.

    Name and version, and for those installed from a folder or a repository, which keep their
    version from one commit to the next, the digests of their files.
    """
    # Not all of sys.path: what is found in the working directory depends on who started Python.
    folders = [entry for entry in sys.path if Path(entry).name in _PACKAGE_FOLDERS]
    versions = set()
    for distribution in metadata.distributions(path=folders):
        local = distribution.read_text("direct_url.json") is not None
        record = distribution.read_text("RECORD") if local else ""
        versions.add(repr((distribution.name, distribution.version, record)))
    return hashlib.sha256(repr(sorted(versions)).encode()).hexdigest()[:16]


def default_folder() -> Path:
    """Where measurements are kept between runs unless the user says otherwise."""
    return platformdirs.user_cache_path("pytest-lic") / "measurements"


def usage(folder: Path) -> Usage:
    """Count the entries of a cache folder; one that does not exist is empty."""
    sizes = [file.stat().st_size for file in _files(folder) if file.suffix == ".json"]
    images = [file.stat().st_size for file in reconstructions.kept(folder)]
    return Usage(folder, len(sizes), len(images), sum(sizes) + sum(images))


def clear(folder: Path) -> Usage:
    """Remove every entry of a cache folder, and nothing else that may lie there."""
    before = usage(folder)
    for file in [*_files(folder), *reconstructions.kept(folder)]:
        file.unlink(missing_ok=True)
        if not any(file.parent.iterdir()):
            file.parent.rmdir()
    return before


def project_files() -> set[str]:
    """The file of every imported module outside the standard library and site-packages."""
    paths = set()
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and _can_change_a_number(name) and (path := _project_file(file)) is not None:
            paths.add(path)
    return paths


def _can_change_a_number(module: str) -> bool:
    package, _, rest = module.partition(".")
    return package != "pytest_lic" or f"{rest}.".startswith(
        tuple(f"{part}." for part in CAN_CHANGE_A_NUMBER)
    )


def _files(folder: Path) -> Iterator[Path]:
    """The entries, and the halves of entries that a killed run left behind."""
    for file in folder.glob("*/*"):
        entry = re.fullmatch(r"\.?([0-9a-f]{32})\.json(\.\w+\.new)?", file.name)
        if entry is not None and file.parent.name == entry[1][:2]:
            yield file


@cache
def _project_file(file: str) -> str | None:
    path = os.path.realpath(file)
    return None if path.startswith(_installed_folders()) else path


@cache
def _installed_folders() -> tuple[str, ...]:
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    folders = {os.path.realpath(sysconfig.get_path(name)) for name in names}
    folders |= {
        os.path.realpath(entry) for entry in sys.path if Path(entry).name in _PACKAGE_FOLDERS
    }
    return tuple(sorted(folder + os.sep for folder in folders))


def _file_digest(path: str) -> str | None:
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16]
    except OSError:
        return None


def _read(path: Path, seen: Mapping[str, str | None]) -> Measurement | None:
    """The entry, or None where there is none that can be used: it is then made again.

    Its sources must be as they are now, or as this process has ``seen`` and imported them.
    """
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored.pop("checksum") != _checksum(stored):
            return None
        for source, known in stored["sources"].items():
            if known != (seen[source] if source in seen else _file_digest(source)):
                return None
        return structured(stored["measurement"], Measurement)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _write(
    path: Path, key: Mapping[str, object], measurement: Measurement, sources: Mapping[str, str]
) -> None:
    entry = {"key": key, "sources": sources, "measurement": plain(measurement)}
    text = json.dumps({"checksum": _checksum(entry), **entry})
    write_whole(path, text.encode(), shared=True)


def _checksum(entry: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(entry).encode()).hexdigest()[:16]
