"""The curves that an ablation compares: measured before, measured now, or published."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pytest_lic.codec import CodecFamily
from pytest_lic.errors import LicError, Unavailable
from pytest_lic.measuring.grid import Cell, Curve, Setting
from pytest_lic.measuring.rate_distortion import CurveMetric, RDCurve
from pytest_lic.run.run import Run

PUBLISHED_ANCHOR = "bpg-444"
CLASSICAL_ANCHOR = "jpeg"


@dataclass
class AblationCurves:
    """Hands out curves, and counts the points that were ``measured`` now, and ``earlier``.

    Args:
        run: measures them, unless an earlier run has.
        say: called with each point that is measured.
    """

    run: Run
    say: Callable[[str], None]
    measured: int = 0
    earlier: int = 0

    def curve(self, family: CodecFamily, setting: Setting) -> RDCurve | Unavailable:
        """A family's curve, or the reason why it has none."""
        try:
            reason = self.run.setup.unavailable(family.name, setting.device)
            if reason is not None:
                return Unavailable(reason)
            for quality in family.qualities:
                cell = Cell(family.name, quality, setting)
                if self.run.measurements.of(cell).measured:
                    self.measured += 1
                    self.say(f"measured {cell.id}")
                else:
                    self.earlier += 1
            return self.run.curves.measured(Curve(family.name, setting))
        except LicError as error:
            return Unavailable(str(error))

    def anchors(self, setting: Setting, metric: CurveMetric) -> dict[str, RDCurve | Unavailable]:
        """The anchors asked for; else the published curve of this corpus, else JPEG's."""
        names = self.run.setup.options.anchors
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
                prints[quality] = self.run.measurements.fingerprint(
                    Cell(family.name, quality, setting)
                )
            except LicError:  # then nothing is measured either, and the row says why
                prints[quality] = None
        return prints

    def _anchor(self, name: str, setting: Setting) -> RDCurve | Unavailable:
        family = self.run.setup.families.by_name.get(name)
        try:
            if (
                family is None
                or self.run.setup.unavailable(family.name, setting.device) is not None
            ):
                return self.run.curves.anchor(name, Curve(name, setting))
        except LicError as error:
            return Unavailable(str(error))
        return self.curve(family, setting)
