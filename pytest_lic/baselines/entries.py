"""Baselines: one JSON file per family, readable in a diff, and where they are looked for.

    {
     "format": 1,
     "family": "fp-gdn",
     "environments": {"<digest>": {…}},
     "complexity": {"1": {…}}, "memory": {"1": {…}},
     "entries": [
      {"corpus": "photos", "digest": "…", "resolution": "native", "quality": "1", "lambda": 0.0018,
       "environment": "<digest>", "device": "cpu", "batch": 1,
       "mean": {"bpp": …, "psnr": …, …},
       "images": {
        "astronaut": {"height": …, "width": …, "bytes": …, …},

A baseline is found by family, quality, corpus digest and resolution; device, batch and environment
are the circumstances it came from; `entry_json` writes and reads one. `costs` are kept beside
them. Only the controller of a run writes, one whole file at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pytest_lic.baselines import costs
from pytest_lic.baselines.costs import Costs, CostsFile, cost_keys
from pytest_lic.baselines.entry_json import Entry, entry_of, measurement_of
from pytest_lic.baselines.layered import FILE, FORMAT, Keyed, by_digest, load_family
from pytest_lic.errors import BaselineError
from pytest_lic.measuring.measure import Measurement
from pytest_lic.system.files import write_whole
from pytest_lic.system.typed_json import as_text, plain


@dataclass(frozen=True, order=True)
class BaselineKey:
    """What a baseline is found by, within a family."""

    corpus_digest: str
    resolution: str
    quality: str

    @classmethod
    def of(cls, measurement: Measurement) -> BaselineKey:
        """The key under which a measurement is recorded."""
        cell = measurement.cell
        return cls(measurement.corpus_digest, cell.setting.resolution, cell.quality)


class EntriesFile(CostsFile, frozen=True, kw_only=True):
    """The file of a family's baselines."""

    entries: list[Entry]


def load(folder: Path, family: str) -> dict[BaselineKey, Measurement]:
    """Read one family's file; a file that is not there holds nothing.

    Raises:
        BaselineError: the file is damaged, of another family or of a newer format.
    """
    path = folder / f"{family}.json"
    file = load_family(path, family, EntriesFile)
    baselines: dict[BaselineKey, Measurement] = {}
    if file is None:
        return baselines
    for number, entry in enumerate(file.entries, start=1):
        with FILE.parsing(path, f"entry {number}"):
            baseline = measurement_of(entry, family, file.environments)
            if BaselineKey.of(baseline) in baselines:
                raise ValueError(
                    f"quality {entry.quality} of this corpus and resolution is there already"
                )
        baselines[BaselineKey.of(baseline)] = baseline
    return baselines


def save(
    folder: Path,
    family: str,
    baselines: Mapping[BaselineKey, Measurement],
    new: Iterable[Measurement] = (),
    kept: Costs | None = None,
) -> None:
    """Make ``baselines``, ``new`` and the costs ``kept`` all that is recorded of a family.

    The costs stay as they are in the file unless given. The file is written wholly or not at all;
    one that holds nothing is removed.

    Raises:
        BaselineError: the folder or the file can't be written.
    """
    path = folder / f"{family}.json"
    recorded = dict(baselines) | {BaselineKey.of(baseline): baseline for baseline in new}
    if kept is None and path.exists():
        kept = costs.load(folder, family)
    try:
        if recorded or kept:
            write_whole(path, dumps(family, recorded.values(), kept).encode())
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise BaselineError(
            f"baseline {path} can't be written: {error}; it is as it was"
        ) from error


def dumps(family: str, baselines: Iterable[Measurement], kept: Costs | None = None) -> str:
    """One family's file as text, the same for the same baselines in whatever order they came."""
    ordered = sorted(
        baselines,
        key=lambda baseline: (
            baseline.cell.setting.corpus,
            baseline.corpus_digest,
            baseline.cell.setting.resolution,
            baseline.mean("bpp"),
            baseline.cell.quality,
        ),
    )
    kept = kept or Costs()
    environments = by_digest(
        (*(baseline.environment for baseline in ordered), *kept.environments())
    )
    entries = [entry_of(baseline) for baseline in ordered]
    return as_text(
        plain(
            EntriesFile(
                format=FORMAT,
                family=family,
                environments=environments,
                **cost_keys(kept),
                entries=entries,
            )
        )
    )


@dataclass(frozen=True)
class Baselines(Keyed[BaselineKey, Measurement]):
    """The folders of baselines."""

    listed_under = "entries"
    load = staticmethod(load)
