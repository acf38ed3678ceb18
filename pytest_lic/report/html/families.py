"""The points of a run by setting and codec family, and the curves through them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from pytest_lic.baselines.comparison import Verdict
from pytest_lic.errors import Unavailable
from pytest_lic.measuring.grid import Setting
from pytest_lic.measuring.measure import Measurement, rd_curve
from pytest_lic.measuring.rate_distortion import RDCurve
from pytest_lic.results.results import AnchorResult, PointResult, Results

BASELINE = "its baseline"
"""How a family's stored curve is called beside its own."""

Side = Literal["measured", "baseline"]


@dataclass(frozen=True)
class Family:
    """A family of one run in one setting: its points, from the first quality to the last.

    ``along`` has the BD-rates by other metrics than PSNR: metric → anchor → percent, None where
    there is none.
    """

    name: str
    tags: Mapping[str, str]
    points: Mapping[str, PointResult]
    verdict: Verdict | None
    along: Mapping[str, Mapping[str, float | None]]

    def measurements(self, of: Side) -> dict[str, Measurement | None]:
        """Those of one side, by quality."""
        return {label: getattr(point, of) for label, point in self.points.items()}

    def curve(self, of: Side) -> RDCurve | Unavailable:
        """The curve through one side's measurements, or why there is none."""
        measurements = self.measurements(of)
        known = {label: one for label, one in measurements.items() if one is not None}
        lacking = ", ".join(label for label in measurements if label not in known)
        if lacking:
            return Unavailable(f"{self.name}: quality {lacking} has no {of} result")
        try:
            return rd_curve(BASELINE if of == "baseline" else self.name, known)
        except ValueError as error:
            return Unavailable(str(error))


def _along(anchors: Iterable[AnchorResult]) -> dict[str, dict[str, float | None]]:
    along: dict[str, dict[str, float | None]] = {}
    for anchor in anchors:
        for metric, rate in anchor.by_metric.items():
            along.setdefault(metric, {})[anchor.anchor] = rate
    return along


def setting_title(setting: Setting) -> str:
    """Such as ``kodak, native resolution, batch of 1, cpu``."""
    resolution = setting.resolution
    size = "native resolution" if resolution == "native" else f"{resolution} × {resolution} px"
    return f"{setting.corpus}, {size}, batch of {setting.batch}, {setting.device}"


def families_of(run: str, results: Results, *, several: bool) -> dict[Setting, list[Family]]:
    """What was measured in each setting; ``several``: whether names must tell runs apart."""
    curves = {(curve.family, curve.setting): curve for curve in results.curves}
    grouped: dict[tuple[Setting, str], dict[str, PointResult]] = {}
    for point in results.points:
        if point.measured is not None:
            cell = point.measured.cell
            grouped.setdefault((cell.setting, cell.family), {})[cell.quality] = point
    families: dict[Setting, list[Family]] = {}
    for (setting, family), points in grouped.items():
        facts = results.families.get(family)
        order, tags = (facts.qualities, facts.tags) if facts is not None else ({}, {})
        name = f"{family} · {run}" if several else family
        labels = dict.fromkeys((*order, *points))
        ordered = {label: points[label] for label in labels if label in points}
        curve = curves.get((family, setting))
        verdict = None if curve is None else curve.comparison.verdict
        along = {} if curve is None else _along(curve.anchors)
        families.setdefault(setting, []).append(Family(name, tags, ordered, verdict, along))
    return families
