"""The curves that an ablation compares: measured before, measured now, or published."""

from __future__ import annotations

from collections.abc import Callable

from pytest_lic.codec import CodecFamily
from pytest_lic.errors import LicError, Unavailable
from pytest_lic.measuring.grid import Cell, Curve, Setting
from pytest_lic.measuring.rate_distortion import CurveMetric, RDCurve
from pytest_lic.run.curves import Curves
from pytest_lic.run.measurements import Measurements
from pytest_lic.run.setup import Setup

PUBLISHED_ANCHOR = "bpg-444"
CLASSICAL_ANCHOR = "jpeg"


class AblationCurves:
    """Hands out curves, and counts the points that were ``measured`` now, and ``earlier``.

    Args:
        setup: whose families and anchors they are of.
        measurements: made now, unless an earlier run or this one has.
        curves: through them.
        say: called with each point that is measured.
    """

    def __init__(
        self, setup: Setup, measurements: Measurements, curves: Curves, say: Callable[[str], None]
    ) -> None:
        self._setup = setup
        self._measurements = measurements
        self._curves = curves
        self._say = say
        self.measured = 0
        self.earlier = 0

    def curve(self, family: CodecFamily, setting: Setting) -> RDCurve | Unavailable:
        """A family's curve, or the reason why it has none."""
        try:
            reason = self._setup.unavailable(family.name, setting.device)
            if reason is not None:
                return Unavailable(reason)
            for quality in family.qualities:
                cell = Cell(family.name, quality, setting)
                if self._measurements.of(cell).measured:
                    self.measured += 1
                    self._say(f"measured {cell.id}")
                else:
                    self.earlier += 1
            return self._curves.measured(Curve(family.name, setting))
        except LicError as error:
            return Unavailable(str(error))

    def anchors(self, setting: Setting, metric: CurveMetric) -> dict[str, RDCurve | Unavailable]:
        """The anchors asked for; else the published curve of this corpus, else JPEG's."""
        names = self._setup.options.anchors
        if names:
            return {name: self._anchor(name, setting) for name in names}
        published = self._anchor(PUBLISHED_ANCHOR, setting)
        if isinstance(published, RDCurve) and None not in published.quality(metric):
            return {PUBLISHED_ANCHOR: published}
        return {CLASSICAL_ANCHOR: self._anchor(CLASSICAL_ANCHOR, setting)}

    def fingerprints(self, family: CodecFamily, setting: Setting) -> dict[str, str | None]:
        """Quality → the family's fingerprint; None also where asking for it fails."""
        prints: dict[str, str | None] = {}
        for quality in family.qualities:
            try:
                prints[quality] = self._measurements.fingerprint(
                    Cell(family.name, quality, setting)
                )
            except LicError:  # then nothing is measured either, and the row says why
                prints[quality] = None
        return prints

    def _anchor(self, name: str, setting: Setting) -> RDCurve | Unavailable:
        family = self._setup.families.by_name.get(name)
        try:
            if family is None or self._setup.unavailable(family.name, setting.device) is not None:
                return self._curves.anchor(name, Curve(name, setting))
        except LicError as error:
            return Unavailable(str(error))
        return self.curve(family, setting)
