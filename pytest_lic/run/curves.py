"""Curves: rate-distortion curves as measured, as the baselines have them, and of anchors."""

from __future__ import annotations

from dataclasses import replace

from pytest_lic.baselines.entries import BaselineKey, Baselines
from pytest_lic.baselines.milestone import Milestone
from pytest_lic.errors import UnavailableError
from pytest_lic.measuring.grid import Cell, Curve
from pytest_lic.measuring.measure import Measurement
from pytest_lic.measuring.published import published_curve
from pytest_lic.measuring.rate_distortion import RDCurve
from pytest_lic.results.curve_judge import curve_through
from pytest_lic.run.measurements import Measurements
from pytest_lic.run.setup import Setup


class Curves:
    """The curves that BD-rates are taken of.

    Args:
        setup: whose families and corpora they are of.
        measurements: of the points.
    """

    def __init__(self, setup: Setup, measurements: Measurements) -> None:
        self._setup = setup
        self._measurements = measurements

    def measured(self, curve: Curve) -> RDCurve:
        """A family's measured curve.

        Raises:
            LicError: a point could not be measured, or has no PSNR.
        """
        family = self._setup.families.get(curve.family, "--lic-anchor")
        cells = {label: Cell(curve.family, label, curve.setting) for label in family.qualities}
        points = {label: self._measurements.of(cell).measurement for label, cell in cells.items()}
        return curve_through(curve.family, points)

    def at_milestone(self, curve: Curve, milestone: Milestone) -> RDCurve:
        """A family's curve as a milestone has it, of the qualities that both have.

        Raises:
            UnavailableError: it has none of them.
        """
        points = self.recorded(curve, milestone.baselines)
        if not points:
            raise UnavailableError(f"{milestone.title} has no baseline of it")
        return curve_through(milestone.name, points)

    def recorded(self, curve: Curve, baselines: Baselines) -> dict[str, Measurement]:
        """Quality → what baselines have of it, for those that they have."""
        digest = self._setup.corpus(curve).digest
        keys = {
            label: BaselineKey(digest, curve.setting.resolution, label)
            for label in self._setup.families[curve.family].qualities
        }
        found = {label: baselines.find(curve.family, key) for label, key in keys.items()}
        return {label: baseline for label, baseline in found.items() if baseline is not None}

    def anchor(self, name: str, curve: Curve) -> RDCurve:
        """An anchor's curve on the corpus of ``curve``: measured, or published.

        A codec that can't run on the device of ``curve`` is measured on the CPU.

        Raises:
            UnavailableError: the codec can't run here, or the published curve is of other images.
        """
        if name not in self._setup.families.by_name:
            return published_curve(name, self._setup.corpus(curve).digest, curve.setting.resolution)
        device = curve.setting.device
        reason = self._setup.unavailable(name, device)
        if reason is not None and "cpu" in self._setup.families[name].devices:
            device = "cpu"
            reason = self._setup.unavailable(name, device)
        if reason is not None:
            raise UnavailableError(reason)
        return self.measured(Curve(name, replace(curve.setting, device=device)))
