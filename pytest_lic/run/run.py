"""The state of one run: its options, families, grid, codecs, store and baselines.

One object per process. It holds one codec, one coded corpus and one child process at a time:
cells come sorted, so each network is loaded once.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from importlib import resources
from pathlib import Path

from pytest_lic.baselines.at_commit import folder_at, fork
from pytest_lic.baselines.entries import BaselineKey, Baselines
from pytest_lic.baselines.kept_streams import FOLDER, KeptStreams
from pytest_lic.checks import determinism
from pytest_lic.checks.environment_matrix import EnvironmentMatrix, compare_environments
from pytest_lic.checks.fresh_process import FreshProcess, FreshProcesses
from pytest_lic.checks.hostile.process import HostileProcess
from pytest_lic.codec import Codec, CodecFamily
from pytest_lic.errors import LicError, UnavailableError, UnknownNameError, UsageError
from pytest_lic.images.corpus import RANDOM, Corpus, check_corpus, load_corpus
from pytest_lic.measuring import coding
from pytest_lic.measuring.grid import Cell, Curve, Grid, select_families
from pytest_lic.measuring.measure import Measurement, measure, rd_curve
from pytest_lic.measuring.metrics import METRICS, metric_fingerprint
from pytest_lic.measuring.published import published_curve, published_names
from pytest_lic.measuring.rate_distortion import RDCurve
from pytest_lic.measuring.reconstructions import Reconstructions
from pytest_lic.measuring.store import MeasurementStore, installed_packages
from pytest_lic.measuring.timed_grid import timed_families, whole_grid
from pytest_lic.project import family_calls
from pytest_lic.project.discovery import Families, Origin
from pytest_lic.project.options import Options
from pytest_lic.system.environment import environment
from pytest_lic.system.git import Commit, checked_out_commit
from pytest_lic.system.simulated_environments import ENVIRONMENTS, why_not_here
from pytest_lic.system.ticker import Ticker
from pytest_lic.timing.batches import TimedBatch, checked_batch, timed_images

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Shared:
    """What a controller gives to its workers: where families are found, and the run's store."""

    origin: Origin
    store: Path

    @classmethod
    def create(cls, origin: Origin) -> Shared:
        """A new run's, with an empty store that `remove` takes away again."""
        return cls(origin, Path(tempfile.mkdtemp(prefix="pytest-lic-run-")))

    def remove(self) -> None:
        """Delete the run's store."""
        shutil.rmtree(self.store, ignore_errors=True)


class Run:
    """Everything that the tests of one process share.

    Args:
        options: checked options.
        families: every family there is.
        shared: what all processes of the run have in common.
        progress: shown while a cell takes long.

    Raises:
        LicError: something that was asked for does not exist; said before anything is measured.
    """

    def __init__(
        self, options: Options, families: Families, shared: Shared, progress: Progress
    ) -> None:
        self.options = options
        self.families = families
        self.shared = shared
        self.grid: Grid = whole_grid(
            list(families.by_name.values()), options.selection, options.timing
        )
        earlier = self._earlier_baselines()
        self.baselines = Baselines(
            options.baselines,
            Path(str(resources.files("pytest_lic.shipped_baselines"))),
            families.shipped,
            earlier,
        )
        self.kept = KeptStreams(
            self.baselines.folder / FOLDER,
            self.baselines.shipped / FOLDER,
            families.shipped,
            None if earlier is None else earlier / FOLDER,
        )
        self._store = MeasurementStore(shared.store, options.cache, families.files)
        self.reconstructions = Reconstructions(options.cache)
        self._progress = progress
        self._codec: tuple[tuple[str, str, str], Codec] | None = None
        self._coded: tuple[Cell, list[determinism.CodedBatch]] | None = None
        self._uncodable: tuple[Cell, LicError] | None = None
        self._timed: tuple[Cell, TimedBatch] | None = None
        self._hostile: HostileProcess | None = None
        self._fresh = FreshProcesses(shared.origin, options.timeout)
        self._fingerprints: dict[tuple[str, str], str | None] = {}
        self._check()

    def close(self) -> None:
        """End the child processes."""
        self._fresh.close()
        self.reconstructions.trim()
        if self._hostile is not None:
            self._hostile.close()
        self._hostile = self._coded = self._timed = self._codec = None

    def corpus(self, cell: Cell | Curve) -> Corpus:
        """The images of a cell, at its resolution."""
        setting = cell.setting
        return load_corpus(self.grid.corpora[setting.corpus], setting.resolution)

    def unavailable(self, family: CodecFamily, device: str) -> str | None:
        """Why a family can't run on a device here, or None."""
        return family_calls.unavailable(family, device)

    def codec(self, cell: Cell) -> Codec:
        """The cell's codec, built once and kept until another one is asked for.

        Raises:
            CodecError: ``build`` failed or gave something that can't encode and decode.
            UnavailableError: ``build`` said that it can't run here.
        """
        family = self.families[cell.family]
        key = (cell.family, cell.quality, cell.setting.device)
        if self._codec is not None and self._codec[0] == key:
            return self._codec[1]
        self._codec = None  # let the old network go before the next one is loaded
        codec = family_calls.build(family, cell.quality, cell.setting.device)
        self._codec = (key, codec)
        return codec

    def coded(self, cell: Cell) -> list[determinism.CodedBatch]:
        """The cell's corpus through its codec in this process; never from the cache."""
        if self._uncodable is not None and self._uncodable[0] == cell:
            raise self._uncodable[1]
        if self._coded is None or self._coded[0] != cell:
            self._coded = self._uncodable = None
            try:
                codec = self.codec(cell)
                with coding.cpu_threads(self.options.threads):
                    self._coded = (cell, determinism.code(codec, cell, self.corpus(cell)))
            except LicError as error:
                self._uncodable = (cell, error)
                raise
        return self._coded[1]

    def timed_batch(self, cell: Cell) -> TimedBatch:
        """The batch that a cell is timed on, checked to come back right; kept for both directions.

        Raises:
            CodecError: it does not.
            CorpusError: images that are too small.
        """
        if self._timed is None or self._timed[0] != cell:
            self._timed = None
            setting = cell.setting
            corpus = None if setting.corpus == RANDOM else self.grid.corpora[setting.corpus]
            images = timed_images(setting, corpus)
            batch = checked_batch(self.codec(cell), images, setting.device)
            self._timed = (cell, batch)
        return self._timed[1]

    def fresh_process(self, family: str) -> FreshProcess:
        """The child process that serves all cells of a family."""
        return self._fresh.of(family)

    def environment_matrix(self, cell: Cell) -> EnvironmentMatrix:
        """The cell encoded and decoded in every environment that was asked for.

        Raises:
            UnavailableError: the codec can't be had in the run's own environment.
        """
        threads, device = self.options.threads, cell.setting.device
        family = self.families[cell.family]
        wanted, unavailable = [], {}
        for each in self.options.environments:
            reason = why_not_here(each, threads) or self.unavailable(family, each.device or device)
            if reason is None:
                wanted.append(each)
            else:
                unavailable[each.name] = reason
        matrix = compare_environments(
            cell,
            self.corpus(cell),
            wanted,
            lambda each: self._fresh.of(cell.family, each),
            threads,
            lambda doing: Ticker(f"{cell.id}, {doing}", self._progress),
        )
        return replace(matrix, unavailable=unavailable | dict(matrix.unavailable))

    def hostile_process(self) -> HostileProcess:
        """The child process that decodes damaged bitstreams of all families."""
        if self._hostile is None:
            self._hostile = HostileProcess(self.shared.origin, self.options.timeout)
        return self._hostile

    def measured(self, cell: Cell) -> Stored:
        """The cell's measurement: from this run, from an earlier one, or made now."""
        family = self.families[cell.family]
        corpus = self.corpus(cell)
        options = self.options
        fingerprint = self.fingerprint(cell)
        environment_now = environment(cell.setting.device, options.threads)
        key = {
            "cell": cell.id,
            "fingerprint": fingerprint,
            "format_version": family.format_version,
            "corpus": corpus.digest,
            "environment": asdict(environment_now),
            "metrics": metric_fingerprint(options.metrics, options.lpips),
            "packages": installed_packages(),
        }

        def make() -> Measurement:
            return measure(
                self.codec(cell),
                cell,
                corpus,
                lmbda=family.qualities[cell.quality],
                metrics=options.metrics,
                lpips=options.lpips,
                threads=options.threads,
                progress=Ticker(cell.id, self._progress),
                keep=self.reconstructions.keep,
            )

        with family_calls.blamed(cell.id):
            stored = self._store.get(key, fingerprint is not None, make)
        if not stored.measured:
            images = stored.measurement.images.values()
            self.reconstructions.use(image.reconstruction for image in images)
        return stored

    def fingerprint(self, cell: Cell) -> str | None:
        """The family's fingerprint at the cell's quality; None where it can't tell."""
        family = self.families[cell.family]
        key = (cell.family, cell.quality)
        if key not in self._fingerprints:
            self._fingerprints[key] = family_calls.fingerprint(family, cell.quality)
        return self._fingerprints[key]

    def curve(self, curve: Curve) -> RDCurve:
        """A family's measured curve.

        Raises:
            LicError: a point could not be measured, or has no PSNR.
        """
        family = self.families.get(curve.family, "--lic-anchor")
        cells = {label: Cell(curve.family, label, curve.setting) for label in family.qualities}
        points = {label: self.measured(cell).measurement for label, cell in cells.items()}
        return _curve(curve.family, points)

    def stored_curve(self, curve: Curve) -> RDCurve:
        """A family's curve through its baselines.

        Raises:
            UnavailableError: not every quality is recorded.
        """
        digest = self.corpus(curve).digest
        family = self.families[curve.family]
        points: dict[str, Measurement] = {}
        for label in family.qualities:
            found = self.baselines.find(
                curve.family, BaselineKey(digest, curve.setting.resolution, label)
            )
            if found is None:
                raise UnavailableError(f"quality {label} has no baseline, so no stored curve")
            points[label] = found
        return _curve("baseline", points)

    def anchor(self, name: str, curve: Curve) -> RDCurve:
        """An anchor's curve on the corpus of ``curve``: measured, or published.

        Raises:
            UnavailableError: the codec can't run here, or the published curve is of other images.
        """
        if name not in self.families.by_name:
            return published_curve(name, self.corpus(curve).digest, curve.setting.resolution)
        family = self.families[name]
        device = curve.setting.device
        if self.unavailable(family, device) is not None and "cpu" in family.devices:
            device = "cpu"
        reason = self.unavailable(family, device)
        if reason is not None:
            raise UnavailableError(reason)
        setting = type(curve.setting)(
            curve.setting.corpus, curve.setting.resolution, curve.setting.batch, device
        )
        return self.curve(Curve(name, setting))

    @cached_property
    def commit(self) -> Commit | None:
        """What is checked out where pytest was started; new baselines are no change of it."""
        return checked_out_commit(Path(self.shared.origin.folder), self.options.baselines)

    @cached_property
    def selected_families(self) -> tuple[CodecFamily, ...]:
        """The families on the grid, those that are only timed among them."""
        families, selection = list(self.families.by_name.values()), self.options.selection
        if self.options.timing is not None:
            return timed_families(families, selection)
        return select_families(families, selection)

    def _earlier_baselines(self) -> Path | None:
        """The folder that holds what ``--lic-baselines-of`` names."""
        if self.options.baselines_of is None:
            return None
        found = fork(Path(self.shared.origin.folder), self.options.baselines_of)
        into = self.shared.store / "baselines"
        return folder_at(found.root, found.commit, self.options.baselines, into)

    def _asked_for(self) -> set[str]:
        """What this run would give, were everything available."""
        devices = self.options.selection.devices
        families = (family.name for family in self.selected_families)
        curves = ("bd_rate",) if self.grid.curves else ()
        kinds = (device.split(":")[0] for device in devices)
        environments = (each.name for each in self.options.environments)
        return {
            *("bpp", *self.options.metrics, *curves),
            *(*devices, *kinds, *environments),
            *families,
        }

    def _check(self) -> None:
        """Say now what would otherwise be said once per cell."""
        trained = [family.name for family in self.families.by_name.values() if family.trained]
        names = [*trained, *published_names()]
        for anchor in self.options.anchors:
            if anchor not in names:
                raise UnknownNameError("anchor", anchor, names, "--lic-anchor")
        devices = self.options.selection.devices
        known = [*METRICS, "bd_rate", "cpu", "cuda", *devices, *self.families.by_name]
        known += ENVIRONMENTS
        for required in self.options.require:
            if required not in known:
                raise UnknownNameError("requirement", required, known, "--lic-require")
            if required not in self._asked_for():
                raise UsageError(f"--lic-require {required}: this run does not ask for it at all")
        for spec in self.options.selection.corpora:
            check_corpus(spec)
        for device in devices:
            if device != "cpu":
                environment(device, self.options.threads)
        metric_fingerprint(self.options.metrics, self.options.lpips)  # reads the weights given
        for family in self.selected_families:
            self.baselines.check(family.name)
            self.kept.check(family.name)


def _curve(name: str, points: Mapping[str, Measurement]) -> RDCurve:
    try:
        return rd_curve(name, points)
    except ValueError as error:
        raise UnavailableError(str(error)) from error
