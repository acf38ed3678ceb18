"""The verdict on a curve: its BD-rate against the stored one and anchors, from the points alone.

A run judges the curves that it measured, a merge those whose points several shards measured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pytest_lic.baselines.comparison import (
    Comparison,
    Verdict,
    compare_curves,
    other_variant,
    together,
)
from pytest_lic.baselines.tolerances import Tolerance
from pytest_lic.errors import Unavailable, UnavailableError
from pytest_lic.measuring.grid import Curve
from pytest_lic.measuring.intervals import bd_rate_over_images
from pytest_lic.measuring.measure import Measurement, rd_curve
from pytest_lic.measuring.rate_distortion import (
    BD,
    CurveMetric,
    RDCurve,
    bd_quality,
    bd_rate,
    metric_on,
)
from pytest_lic.results.results import AnchorResult, CurveResult

_STORED = "baseline"

Recorded = Mapping[str, Measurement]
"""Quality → its baseline, of those that have one."""


def curve_through(name: str, points: Mapping[str, Measurement]) -> RDCurve:
    """The curve through one measurement for each quality.

    Raises:
        UnavailableError: a point has no PSNR.
    """
    try:
        return rd_curve(name, points)
    except ValueError as error:
        raise UnavailableError(str(error)) from error


def stored_curve(qualities: Sequence[str], recorded: Recorded) -> RDCurve:
    """The curve through a family's baselines.

    Raises:
        UnavailableError: not every quality is recorded.
    """
    for label in qualities:
        if label not in recorded:
            raise UnavailableError(f"quality {label} has no baseline, so no stored curve")
    return curve_through(_STORED, recorded)


@dataclass(frozen=True)
class CurveJudge:
    """Judges curves alike.

    Args:
        bd: the quality axes that are gated.
        ctc: those on which an anchor is compared with too.
        tolerances: has that of ``bd_rate``.
    """

    bd: Sequence[CurveMetric]
    ctc: Sequence[CurveMetric]
    tolerances: Mapping[str, Tolerance]

    def result(
        self,
        curve: Curve,
        measured: RDCurve,
        qualities: Sequence[str],
        recorded: Recorded,
        anchors: Mapping[str, RDCurve | Unavailable],
    ) -> CurveResult:
        """A curve with its verdict, and what it is against each anchor.

        Args:
            curve: which.
            measured: through its points.
            qualities: of its family.
            recorded: the baselines of its points.
            anchors: name → curve on the same images, or why there is none.
        """
        comparisons = [self._along(axis, measured, curve, qualities, recorded) for axis in self.bd]
        return CurveResult(
            together(comparisons),
            curve.family,
            curve.setting,
            tuple(self._against(name, anchor, measured) for name, anchor in anchors.items()),
        )

    def _along(
        self,
        axis: CurveMetric,
        measured: RDCurve,
        curve: Curve,
        qualities: Sequence[str],
        recorded: Recorded,
    ) -> Comparison:
        """The verdict on one axis."""
        others = _other_variants(axis, measured, recorded)
        if others is not None:
            return Comparison(curve.id, Verdict.UNAVAILABLE, others)
        broken = measured.non_monotone(axis)
        stored: RDCurve | Unavailable
        unchanged = all(recorded.get(point.cell.quality) is point for point in measured.points)
        try:
            stored = (
                replace(measured, name=_STORED) if unchanged else stored_curve(qualities, recorded)
            )
        except UnavailableError as error:
            stored = Unavailable(str(error))
        if broken is not None:
            comparison = Comparison(curve.id, Verdict.UNAVAILABLE, broken)
        elif isinstance(stored, Unavailable):
            comparison = Comparison(curve.id, Verdict.UNAVAILABLE, stored.reason)
        else:
            rate = bd_rate_over_images(stored, measured, axis)
            gain = rate if unchanged else bd_quality(stored, measured, axis)
            comparison = compare_curves(curve.id, rate, gain, self.tolerances, axis=axis)
        if comparison.verdict is Verdict.UNAVAILABLE and _has_bd_rate(stored, axis):
            lost = f"BD-rate is lost: {comparison.reason}; the recorded curve has one"
            comparison = Comparison(curve.id, Verdict.REGRESSED, lost)
        return comparison

    def _against(self, name: str, anchor: RDCurve | Unavailable, measured: RDCurve) -> AnchorResult:
        if isinstance(anchor, Unavailable):
            return AnchorResult(name, None, None, anchor.reason)
        rate, gain = bd_rate(anchor, measured), bd_quality(anchor, measured)
        others = [axis for axis in (*self.bd, *self.ctc) if axis != "psnr"]
        reasons = [bd.value.reason for bd in (rate, gain) if isinstance(bd.value, Unavailable)]
        points = tuple(zip(anchor.bpp, anchor.psnr, anchor.ms_ssim, strict=True))
        return AnchorResult(
            name,
            _value(rate),
            _value(gain),
            next(iter(reasons), None),
            points,
            {metric_on(axis).name: _value(bd_rate(anchor, measured, axis)) for axis in others},
        )


def _other_variants(axis: CurveMetric, measured: RDCurve, recorded: Recorded) -> str | None:
    """Why two curves say nothing to each other: their numbers are of two variants, or None."""
    name = metric_on(axis).name
    for point in measured.points:
        then = recorded.get(point.cell.quality)
        if then is not None and other_variant(name, point, then):
            return (
                f"{name} is of {point.variants[name]}, the stored curve's of "
                f"{then.variants[name]}: not compared"
            )
    return None


def _has_bd_rate(stored: RDCurve | Unavailable, axis: CurveMetric) -> bool:
    """Whether the stored curve has a BD-rate, against itself."""
    if isinstance(stored, Unavailable):  # nothing is recorded that could be lost
        return False
    return not isinstance(bd_rate(stored, stored, axis).value, Unavailable)


def _value(bd: BD) -> float | None:
    return None if isinstance(bd.value, Unavailable) else bd.value
