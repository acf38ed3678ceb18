"""Runs that pytest-benchmark saved, as far as they are times of codecs.

Its JSON holds a list of benchmarks with their statistics; those of ours carry their circumstances
in ``extra_info`` (see `benchmarking`). Others are counted and left alone.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pytest_lic.errors import Unavailable, UsageError
from pytest_lic.timing.benchmarking import FORMAT, WIDE

STORAGE = ".benchmarks"
"""Where ``--benchmark-save`` puts its files, unless told otherwise."""


@dataclass(frozen=True)
class Timing:
    """One benchmark: a cell in one direction.

    Args:
        family: of the codec.
        quality: its label.
        direction: ``encode`` or ``decode``.
        corpus: name of the images, ``rand`` for random ones.
        resolution: side in pixels.
        batch: images at once.
        device: ``cpu``, ``cuda`` or ``cuda:INDEX``.
        median: of the rounds, in seconds a batch.
        spread: interquartile range of the rounds, in seconds.
        rounds: how many there were.
        settled: whether the warm-up ended because the times had settled.
        stages: stage → seconds in one round; or the reason why there are none.
    """

    family: str
    quality: str
    direction: str
    corpus: str
    resolution: int
    batch: int
    device: str
    median: float
    spread: float
    rounds: int
    settled: bool
    stages: Mapping[str, float] | Unavailable

    @property
    def codec(self) -> str:
        """Such as ``fp-gdn q3``."""
        return f"{self.family} q{self.quality}"

    @property
    def doubtful(self) -> bool:
        """Whether the times had not settled, or the rounds were uneven all the same."""
        return not self.settled or self.spread > WIDE * self.median

    @property
    def images_per_second(self) -> float:
        """By the median round."""
        return self.batch / self.median


@dataclass(frozen=True)
class SavedRun:
    """One file of pytest-benchmark's.

    Args:
        name: of the file, without its suffix.
        machine: processors and GPUs that its times were taken on, with their numbers of threads.
        commit: what was checked out, shortened; with a mark if it was changed.
        timings: those of codecs.
        others: how many benchmarks are of something else.
    """

    name: str
    machine: str
    commit: str
    timings: tuple[Timing, ...]
    others: int


def is_ours(extra_info: Any) -> bool:
    """Whether a benchmark's ``extra_info`` says that it is of a codec's times."""
    return isinstance(extra_info, Mapping) and "lic_format" in extra_info


def find_runs(given: Sequence[str], storage: Path) -> list[Path]:
    """The files that a user means; the newest below ``storage`` if none is given.

    Args:
        given: paths, or names and numbers of saved runs, such as ``before`` or ``0003``.
        storage: pytest-benchmark's folder.

    Raises:
        UsageError: there is no such file. Of several runs of one name the newest is meant.
    """
    saved = sorted(storage.glob("*/*.json"), key=lambda path: (path.stat().st_mtime, path.name))
    if not given:
        if not saved:
            raise UsageError(
                f"no saved run in {storage}; take times with pytest --pyargs pytest_lic.suites "
                "-m timing --benchmark-save NAME, or name a JSON file"
            )
        return saved[-1:]
    found = [_found(text, saved, storage) for text in given]
    return list({path.resolve(): path for path in found}.values())


def read_runs(paths: Sequence[Path]) -> list[SavedRun]:
    """Several files as `read_run` reads them, under names that tell them apart."""
    runs = [read_run(path) for path in paths]
    names = [run.name for run in runs]
    return [
        replace(run, name=str(path)) if names.count(run.name) > 1 else run
        for run, path in zip(runs, paths, strict=True)
    ]


def _found(text: str, saved: Sequence[Path], storage: Path) -> Path:
    path = Path(text).expanduser()
    if path.is_file():
        return path
    fitting = [each for each in saved if text in (each.stem, *each.stem.split("_", 1))]
    if fitting:
        return fitting[-1]
    known = ", ".join(each.stem for each in saved[-_SHOWN:]) or "none"
    raise UsageError(f"{text}: no such file, and no run of that name in {storage} (saved: {known})")


_SHOWN = 6


def read_run(path: Path) -> SavedRun:
    """The times of codecs in one file of pytest-benchmark's.

    Raises:
        UsageError: a file that can't be read, is none of pytest-benchmark's, holds no times of
            codecs, or some that are damaged or of a newer version.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: can't be read ({error.strerror or error})") from error
    except ValueError as error:
        raise UsageError(
            f"{path}: no JSON ({error}); expected what --benchmark-save or --benchmark-json wrote"
        ) from error
    benchmarks = document.get("benchmarks") if isinstance(document, dict) else None
    if not isinstance(benchmarks, list) or not all(isinstance(each, dict) for each in benchmarks):
        raise UsageError(
            f"{path}: not pytest-benchmark's JSON (no list of benchmarks); expected what "
            "--benchmark-save or --benchmark-json wrote"
        )
    ours = [each for each in benchmarks if is_ours(each.get("extra_info"))]
    if not ours:
        raise UsageError(
            f"{path}: none of its {len(benchmarks)} benchmarks is of a codec; take those with "
            "pytest --pyargs pytest_lic.suites -m timing --benchmark-save NAME"
        )
    timings = tuple(_timing(each, path) for each in ours)
    return SavedRun(
        path.stem, _machine(ours), _commit(document), timings, len(benchmarks) - len(ours)
    )


def _timing(stored: Mapping[str, Any], path: Path) -> Timing:
    extra = stored["extra_info"]
    name = stored.get("name")
    if extra["lic_format"] != FORMAT:
        raise UsageError(
            f"{path}: {name}: format {extra['lic_format']!r}, this version reads {FORMAT}; use "
            "the version of pytest-lic that wrote it"
        )
    try:
        stages = extra["stages"]
        timing = Timing(
            family=str(extra["family"]),
            quality=str(extra["quality"]),
            direction=str(extra["direction"]),
            corpus=str(extra["corpus"]),
            resolution=int(extra["resolution"]),
            batch=int(extra["batch"]),
            device=str(extra["device"]),
            median=_positive(stored["stats"]["median"]),
            spread=float(stored["stats"]["iqr"]),
            rounds=int(stored["stats"]["rounds"]),
            settled=bool(extra["warm_up"]["settled"]),
            stages=(
                Unavailable(str(stages["reason"]))
                if "reason" in stages
                else {str(stage): float(taken) for stage, taken in stages["seconds"].items()}
            ),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(
            f"{path}: {name}: damaged ({type(error).__name__}: {error}); take the times again"
        ) from error
    return timing


def _positive(value: Any) -> float:
    number = float(value)
    if not 0 < number < math.inf:
        raise ValueError(f"a time of {value} s")
    return number


def _machine(ours: Sequence[Mapping[str, Any]]) -> str:
    found = dict.fromkeys(
        f"{extra.get('device_name', '?')}, CPU threads: {extra.get('threads', '?')}"
        for extra in (each["extra_info"] for each in ours)
    )
    return "; ".join(found)


def _commit(document: Mapping[str, Any]) -> str:
    commit = document.get("commit_info")
    if not isinstance(commit, Mapping) or commit.get("id") in (None, "", "unversioned"):
        return "no commit"
    dirty = ", changed since" if commit.get("dirty") else ""
    return f"commit {str(commit['id'])[:10]}{dirty}"
