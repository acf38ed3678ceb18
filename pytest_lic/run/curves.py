"""Curves: rate-distortion curves as measured, as the baselines have them, and of anchors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pytest_lic.baselines.entries import BaselineKey, Baselines
from pytest_lic.baselines.milestone import Milestone
from pytest_lic.errors import UnavailableError
from pytest_lic.measuring.grid import Cell, Curve
from pytest_lic.measuring.measure import Measurement, rd_curve
from pytest_lic.measuring.published import published_curve
from pytest_lic.measuring.rate_distortion import RDCurve
from pytest_lic.run.measurements import Measurements
from pytest_lic.run.setup import Setup


class Curves:
    """The curves that BD-rates are taken of.

    Args:
        setup: whose families and corpora they are of.
        measurements: of the points.
        baselines: of the points of stored curves.
    """

    def __init__(self, setup: Setup, measurements: Measurements, baselines: Baselines) -> None:
        self._setup = setup
        self._measurements = measurements
        self._baselines = baselines

    def measured(self, curve: Curve) -> RDCurve:
        """A family's measured curve.

        Raises:
            LicError: a point could not be measured, or has no PSNR.
        """
        family = self._setup.families.get(curve.family, "--lic-anchor")
        cells = {label: Cell(curve.family, label, curve.setting) for label in family.qualities}
        points = {label: self._measurements.of(cell).measurement for label, cell in cells.items()}
        return _curve(curve.family, points)

    def stored(self, curve: Curve) -> RDCurve:
        """A family's curve through its baselines.

        Raises:
            UnavailableError: not every quality is recorded.
        """
        points = self.recorded(curve, self._baselines)
        for label in self._setup.families[curve.family].qualities:
            if label not in points:
                raise UnavailableError(f"quality {label} has no baseline, so no stored curve")
        return _curve("baseline", points)

    def at_milestone(self, curve: Curve, milestone: Milestone) -> RDCurve:
        """A family's curve as a milestone has it, of the qualities that both have.

        Raises:
            UnavailableError: it has none of them.
        """
        points = self.recorded(curve, milestone.baselines)
        if not points:
            raise UnavailableError(f"{milestone.title} has no baseline of it")
        return _curve(milestone.name, points)

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


def _curve(name: str, points: Mapping[str, Measurement]) -> RDCurve:
    try:
        return rd_curve(name, points)
    except ValueError as error:
        raise UnavailableError(str(error)) from error
