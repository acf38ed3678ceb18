"""Run: all that the tests of one process share, put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pytest_lic.baselines.at_commit import folder_at, fork
from pytest_lic.baselines.costs import RecordedComplexity, RecordedMemory
from pytest_lic.baselines.entries import Baselines
from pytest_lic.baselines.kept_streams import FOLDER, KeptStreams
from pytest_lic.baselines.milestone import Milestone, milestone_at
from pytest_lic.baselines.shipped import shipped_folder
from pytest_lic.errors import UsageError
from pytest_lic.measuring.shards import Sharing
from pytest_lic.measuring.timed_grid import whole_grid
from pytest_lic.project.discovery import Families
from pytest_lic.project.options import Options
from pytest_lic.results.json_file import load
from pytest_lic.run.codecs import Codecs
from pytest_lic.run.curves import Curves
from pytest_lic.run.measurements import Measurements
from pytest_lic.run.preflight import preflight
from pytest_lic.run.processes import Processes
from pytest_lic.run.setup import Setup
from pytest_lic.run.shared import Shared


@dataclass(frozen=True)
class Run:
    """The parts of a run, of which each test and command takes those that it needs."""

    setup: Setup
    codecs: Codecs
    measurements: Measurements
    curves: Curves
    processes: Processes
    baselines: Baselines
    kept: KeptStreams
    complexity: RecordedComplexity
    memory: RecordedMemory
    milestone: Milestone | None = None

    def close(self) -> None:
        """End the child processes, and let go of the codecs."""
        self.processes.close()
        self.measurements.reconstructions.trim()
        self.codecs.close()


def new_run(
    options: Options, families: Families, shared: Shared, say: Callable[[str], None]
) -> Run:
    """A run, checked.

    Args:
        options: checked options.
        families: every family there is.
        shared: what all processes of the run have in common.
        say: shown while a cell takes long.

    Raises:
        LicError: something that was asked for does not exist; said before anything is measured.
    """
    sharing = None if options.shard is None else Sharing(options.shard, _seconds(options))
    every = list(families.by_name.values())
    grid = whole_grid(every, options.selection, options.timing, sharing)
    setup = Setup(options, families, grid, shared)
    earlier = _earlier_baselines(setup)
    baselines = Baselines(options.baselines, shipped_folder(), families.shipped, earlier)
    kept = KeptStreams(
        baselines.folder / FOLDER,
        baselines.shipped / FOLDER,
        families.shipped,
        None if earlier is None else earlier / FOLDER,
    )
    folders = (baselines.folder, baselines.shipped, families.shipped, earlier)
    codecs = Codecs(setup)
    measurements = Measurements(setup, codecs, say)
    curves = Curves(setup, measurements)
    processes = Processes(setup, say)
    milestone = _milestone(setup)
    preflight(setup, baselines, kept, milestone)
    return Run(
        setup,
        codecs,
        measurements,
        curves,
        processes,
        baselines,
        kept,
        RecordedComplexity(*folders),
        RecordedMemory(*folders),
        milestone,
    )


def _seconds(options: Options) -> Mapping[str, float]:
    """Id of a cell → the seconds that its tests took in the run that the options name."""
    if options.shard_seconds is None:
        return {}
    seconds = load(options.shard_seconds).seconds
    if not seconds:
        raise UsageError(
            f"--lic-shard-seconds {options.shard_seconds}: says of no cell how long it took; name "
            "what --lic-json wrote in a run that tested some"
        )
    return seconds


def _earlier_baselines(setup: Setup) -> Path | None:
    options, shared = setup.options, setup.shared
    if options.baselines_of is None:
        return None
    began = fork(Path(shared.origin.folder), options.baselines_of)
    return folder_at(began.root, began.commit, options.baselines, shared.store / "baselines")


def _milestone(setup: Setup) -> Milestone | None:
    options, shared = setup.options, setup.shared
    if options.milestone is None:
        return None
    here, into = Path(shared.origin.folder), shared.store / "milestone"
    return milestone_at(here, options.milestone, options.baselines, into)
