"""Stored measurements: one JSON file per family, readable in a diff.

    {
     "format": 1,
     "family": "fp-gdn",
     "environments": {"<digest>": {…}},
     "entries": [
      {"corpus": "photos", "digest": "…", "resolution": "native", "quality": "1", "lambda": 0.0018,
       "environment": "<digest>", "device": "cpu", "batch": 1,
       "mean": {"bpp": …, "psnr": …, …},
       "images": {
        "astronaut": {"height": …, "width": …, "bytes": …, …},

An entry is found by family, quality, corpus digest and resolution; device, batch and environment
are the circumstances it came from; `baseline_entry` writes and reads one. Only the controller of a
run writes, one whole file at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_lic.baselines.entry_json import entry_from_json, entry_to_json
from pytest_lic.baselines.json_file import (
    FORMAT,
    as_text,
    environments_from_json,
    families_in,
    load_family,
    taken,
)
from pytest_lic.errors import BaselineError
from pytest_lic.measuring.measure import Measurement
from pytest_lic.system.files import write_whole


@dataclass(frozen=True, order=True)
class Key:
    """What a baseline is found by, within a family."""

    corpus_digest: str
    resolution: str
    quality: str

    @classmethod
    def of(cls, measurement: Measurement) -> Key:
        """The key under which a measurement is stored."""
        cell = measurement.cell
        return cls(measurement.corpus_digest, cell.setting.resolution, cell.quality)


@dataclass(frozen=True)
class FamilyBaseline:
    """Everything recorded of one family."""

    family: str
    entries: Mapping[Key, Measurement] = field(default_factory=dict)


@dataclass(frozen=True)
class Baselines:
    """The user's folder of baselines, and the shipped one that stands behind it.

    ``shipped`` is looked into for the families in ``shipped_families`` alone, where ``folder``
    has no entry. ``earlier`` is what the folder held at another commit: where that, or the shipped
    one, has an entry, what ``folder`` says now does not count.
    """

    folder: Path
    shipped: Path
    shipped_families: frozenset[str]
    earlier: Path | None = None

    def path(self, family: str) -> Path:
        """Where the family's baseline is, or would be."""
        return self.folder / f"{family}.json"

    def own(self, family: str) -> FamilyBaseline:
        """What the user's folder holds of a family, which may be nothing."""
        return load(self.path(family), family)

    def check(self, family: str) -> None:
        """BaselineError if a file that may be looked into can't be read."""
        for folder in (self.folder, self.earlier):
            if folder is not None:
                load(folder / f"{family}.json", family)

    def find(self, family: str, key: Key) -> Measurement | None:
        """The baseline of one key, or None where nothing is recorded.

        Raises:
            BaselineError: the file is damaged or of a newer format.
        """
        shipped = [self.shipped] if family in self.shipped_families else []
        places = [self.folder, *shipped]
        if self.earlier is not None:
            places = [self.earlier, *shipped, self.folder]
        for place in places:
            found = load(place / f"{family}.json", family).entries.get(key)
            if found is not None:
                return found
        return None

    def families(self) -> list[str]:
        """The families that the user's folder holds a file of; other JSON may lie beside them."""
        return families_in(self.folder, "entries")


def load(path: Path, family: str) -> FamilyBaseline:
    """Read one family's file; a file that is not there holds nothing.

    Raises:
        BaselineError: the file is damaged, of another family or of a newer format.
    """
    entries = load_family(path, family, lambda stored: _entries(family, stored))
    return FamilyBaseline(family, entries or {})


def _entries(family: str, stored: Mapping[str, Any]) -> dict[Key, Measurement]:
    environments = environments_from_json(stored)
    entries: dict[Key, Measurement] = {}
    for number, entry in enumerate(taken(stored, "entries", list), start=1):
        try:
            found = entry_from_json(family, entry, environments)
        except ValueError as error:
            raise ValueError(f"entry {number}: {error}") from error
        if Key.of(found) in entries:
            raise ValueError(
                f"entry {number}: quality {found.cell.quality} of this corpus and resolution is "
                "there already"
            )
        entries[Key.of(found)] = found
    return entries


def updated(baseline: FamilyBaseline, measurements: Iterable[Measurement]) -> FamilyBaseline:
    """``baseline`` with each measurement recorded under its key."""
    new = {Key.of(measurement): measurement for measurement in measurements}
    return FamilyBaseline(baseline.family, {**baseline.entries, **new})


def without(baseline: FamilyBaseline, keys: Iterable[Key]) -> FamilyBaseline:
    """``baseline`` less some entries."""
    gone = set(keys)
    kept = {key: entry for key, entry in baseline.entries.items() if key not in gone}
    return FamilyBaseline(baseline.family, kept)


def save(path: Path, baseline: FamilyBaseline) -> None:
    """Write one family's file, wholly or not at all; one without entries is removed.

    Raises:
        BaselineError: the folder or the file can't be written.
    """
    try:
        if baseline.entries:
            write_whole(path, dumps(baseline).encode())
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise BaselineError(
            f"baseline {path} can't be written: {error}; it is as it was"
        ) from error


def dumps(baseline: FamilyBaseline) -> str:
    """One family's file as text, the same for the same entries in whatever order they came."""
    entries = sorted(
        baseline.entries.values(),
        key=lambda entry: (
            entry.cell.setting.corpus,
            entry.corpus_digest,
            entry.cell.setting.resolution,
            entry.mean("bpp"),
            entry.cell.quality,
        ),
    )
    environments = {entry.environment.digest: entry.environment for entry in entries}
    stored = {
        "format": FORMAT,
        "family": baseline.family,
        "environments": {name: environments[name].to_json() for name in sorted(environments)},
        "entries": [entry_to_json(entry) for entry in entries],
    }
    return as_text(stored)


def same_results(one: Measurement, other: Measurement) -> bool:
    """Whether two measurements would be stored with the same numbers and digests."""
    return (
        one.lmbda == other.lmbda and entry_to_json(one)["images"] == entry_to_json(other)["images"]
    )
