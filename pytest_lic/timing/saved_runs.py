"""Runs that pytest-benchmark saved, as far as they are times of codecs.

Its JSON holds a list of benchmarks with their statistics; those of ours carry their circumstances
in ``extra_info`` (see `benchmarking`). Others are counted and left alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import msgspec

from pytest_lic.errors import Unavailable, UsageError
from pytest_lic.system.typed_json import JsonFile, Positive, structured
from pytest_lic.timing.benchmarking import FORMAT, WIDE

FILE = JsonFile("saved run", UsageError, "expected what --benchmark-save or --benchmark-json wrote")
STORAGE = ".benchmarks"
"""Where ``--benchmark-save`` puts its files, unless told otherwise."""


@dataclass(frozen=True)
class TimedCell:
    """A cell and the direction in which it was timed.

    Args:
        family: of the codec.
        quality: its label.
        direction: ``encode`` or ``decode``.
        corpus: name of the images, ``rand`` for random ones.
        resolution: side in pixels.
        batch: images at once.
        device: ``cpu``, ``cuda`` or ``cuda:INDEX``.
    """

    family: str
    quality: str
    direction: str
    corpus: str
    resolution: int
    batch: int
    device: str


@dataclass(frozen=True)
class Timing(TimedCell):
    """One benchmark.

    Args:
        median: of the rounds, in seconds a batch.
        spread: interquartile range of the rounds, in seconds.
        rounds: how many there were.
        settled: whether the warm-up ended because the times had settled.
        stages: stage → seconds in one round; or the reason why there are none.
    """

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


def find_runs(names: Sequence[str], storage: Path) -> list[Path]:
    """The files that a user means; the newest below ``storage`` if none is given.

    Args:
        names: paths, or names and numbers of saved runs, such as ``before`` or ``0003``.
        storage: pytest-benchmark's folder.

    Raises:
        UsageError: there is no such file. Of several runs of one name the newest is meant.
    """
    saved = sorted(storage.glob("*/*.json"), key=lambda path: (path.stat().st_mtime, path.name))
    if not names:
        if not saved:
            raise UsageError(
                f"no saved run in {storage}; take times with pytest --pyargs pytest_lic.suites "
                "-m timing --benchmark-save NAME, or name a JSON file"
            )
        return saved[-1:]
    paths = [_meant(text, saved, storage) for text in names]
    return list({path.resolve(): path for path in paths}.values())


def read_runs(paths: Sequence[Path]) -> list[SavedRun]:
    """Several files as `read_run` reads them, under names that tell them apart."""
    runs = [read_run(path) for path in paths]
    names = [run.name for run in runs]
    return [
        replace(run, name=str(path)) if names.count(run.name) > 1 else run
        for run, path in zip(runs, paths, strict=True)
    ]


def _meant(text: str, saved: Sequence[Path], storage: Path) -> Path:
    path = Path(text).expanduser()
    if path.is_file():
        return path
    fitting = [run for run in saved if text in (run.stem, *run.stem.split("_", 1))]
    if fitting:
        return fitting[-1]
    known = ", ".join(run.stem for run in saved[-6:]) or "none"
    raise UsageError(f"{text}: no such file, and no run of that name in {storage} (saved: {known})")


class Stats(msgspec.Struct, frozen=True):
    """What is read of a benchmark's statistics, in seconds."""

    median: Positive
    iqr: float
    rounds: int


class WarmUpPart(msgspec.Struct, frozen=True):
    """What is read of a warm-up."""

    settled: bool


class StagesPart(msgspec.Struct, frozen=True):
    """The seconds of each stage, or why there are none."""

    seconds: dict[str, float] | None = None
    reason: str | None = None

    def __post_init__(self) -> None:
        if self.seconds is None and self.reason is None:
            raise ValueError("neither seconds nor a reason for none")


@dataclass(frozen=True)
class Circumstances(TimedCell):
    """What is read of our ``extra_info``."""

    warm_up: WarmUpPart
    stages: StagesPart
    device_name: str = "?"
    threads: int | str = "?"


class Benchmark(msgspec.Struct, frozen=True):
    """One benchmark of a codec."""

    stats: Stats
    extra_info: Circumstances


def read_run(path: Path) -> SavedRun:
    """The times of codecs in one file of pytest-benchmark's.

    Raises:
        UsageError: a file that can't be read, is none of pytest-benchmark's, holds no times of
            codecs, or some that are damaged or of a newer version.
    """
    document = FILE.read(path)
    stored = document.get("benchmarks") if isinstance(document, dict) else None
    if not isinstance(stored, list) or not all(isinstance(one, dict) for one in stored):
        raise UsageError(
            f"{FILE.name} {path} is not pytest-benchmark's JSON (no list of benchmarks); "
            f"{FILE.advice}"
        )
    ours = [one for one in stored if is_ours(one.get("extra_info"))]
    if not ours:
        raise UsageError(
            f"{FILE.name} {path}: none of its {len(stored)} benchmarks is of a codec; take those "
            "with pytest --pyargs pytest_lic.suites -m timing --benchmark-save NAME"
        )
    benchmarks = [_benchmark(one, path) for one in ours]
    timings = tuple(_timing(benchmark) for benchmark in benchmarks)
    others = len(stored) - len(ours)
    return SavedRun(path.stem, _machine(benchmarks), _commit(document), timings, others)


def _benchmark(stored: Mapping[str, Any], path: Path) -> Benchmark:
    name, version = stored.get("name"), stored["extra_info"]["lic_format"]
    if version != FORMAT:
        raise UsageError(
            f"{FILE.name} {path}: {name}: format {version!r}, this version reads {FORMAT}; use "
            "the version of pytest-lic that wrote it"
        )
    with FILE.parsing(path, str(name)):
        return structured(stored, Benchmark)


def _timing(benchmark: Benchmark) -> Timing:
    stats, facts = benchmark.stats, benchmark.extra_info
    stages = facts.stages
    return Timing(
        **{field.name: getattr(facts, field.name) for field in fields(TimedCell)},
        median=stats.median,
        spread=stats.iqr,
        rounds=stats.rounds,
        settled=facts.warm_up.settled,
        stages=Unavailable(stages.reason) if stages.reason else stages.seconds or {},
    )


def _machine(benchmarks: Sequence[Benchmark]) -> str:
    machines = dict.fromkeys(
        f"{facts.device_name}, CPU threads: {facts.threads}"
        for facts in (benchmark.extra_info for benchmark in benchmarks)
    )
    return "; ".join(machines)


def _commit(document: Mapping[str, Any]) -> str:
    commit = document.get("commit_info")
    if not isinstance(commit, Mapping) or commit.get("id") in (None, "", "unversioned"):
        return "no commit"
    dirty = ", changed since" if commit.get("dirty") else ""
    return f"commit {str(commit['id'])[:10]}{dirty}"
