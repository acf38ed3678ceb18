"""Measurements: a cell's measurement, from this run, from an earlier one, or made now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

from pytest_lic.measuring.grid import Cell
from pytest_lic.measuring.measure import Measurement, measure
from pytest_lic.measuring.metrics import metric_fingerprint
from pytest_lic.measuring.reconstructions import Reconstructions
from pytest_lic.measuring.store import MeasurementStore, Stored, installed_packages
from pytest_lic.project import family_calls
from pytest_lic.run.codecs import Codecs
from pytest_lic.run.setup import Setup
from pytest_lic.system.environment import environment
from pytest_lic.system.ticker import Ticker


class Measurements:
    """The measurements of a run, and the ``reconstructions`` kept beside them.

    Args:
        setup: whose cells they are.
        codecs: what to measure with.
        say: shown while a cell takes long.
    """

    def __init__(self, setup: Setup, codecs: Codecs, say: Callable[[str], None]) -> None:
        options = setup.options
        self.reconstructions = Reconstructions(options.cache)
        self._store = MeasurementStore(setup.shared.store, options.cache, setup.families.files)
        self._setup = setup
        self._codecs = codecs
        self._say = say
        self._fingerprints: dict[tuple[str, str], str | None] = {}

    def of(self, cell: Cell) -> Stored:
        """The cell's measurement.

        Raises:
            LicError: it can't be made.
        """
        options = self._setup.options
        family, corpus = self._setup.families[cell.family], self._setup.corpus(cell)
        fingerprint = self.fingerprint(cell)
        key = {
            "cell": cell.id,
            "fingerprint": fingerprint,
            "format_version": family.format_version,
            "corpus": corpus.digest,
            "environment": asdict(environment(cell.setting.device, options.threads)),
            "metrics": metric_fingerprint(options.metrics),
            "packages": installed_packages(),
        }

        def make() -> Measurement:
            return measure(
                self._codecs.codec(cell),
                cell,
                corpus,
                lmbda=family.qualities[cell.quality],
                metrics=options.metrics,
                threads=options.threads,
                progress=Ticker(cell.id, self._say),
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
        key = (cell.family, cell.quality)
        if key not in self._fingerprints:
            family = self._setup.families[cell.family]
            self._fingerprints[key] = family_calls.fingerprint(family, cell.quality)
        return self._fingerprints[key]
