"""Rate and quality of a cell against its baseline, and a curve against its stored one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from pytest_lic.baselines.comparison import (
    Comparison,
    Verdict,
    compare,
    compare_curves,
    other_variant,
    together,
)
from pytest_lic.baselines.entries import BaselineKey
from pytest_lic.baselines.plausible import too_good
from pytest_lic.baselines.tolerances import Tolerance
from pytest_lic.errors import LicError, Unavailable, UnavailableError
from pytest_lic.measuring.grid import Cell, Curve
from pytest_lic.measuring.intervals import bd_rate_over_images
from pytest_lic.measuring.rate_distortion import (
    BD,
    CurveMetric,
    RDCurve,
    bd_quality,
    bd_rate,
    metric_on,
)
from pytest_lic.measuring.store import Stored
from pytest_lic.results.records import PointRecord
from pytest_lic.results.results import AnchorResult, CurveResult, PointResult
from pytest_lic.run.run import Run
from pytest_lic.session.recorder import GateError
from pytest_lic.system.groups import grouped


@dataclass(frozen=True)
class RateGate:
    """What is measured of cells and curves, set beside what is recorded of them.

    Args:
        run: gives both.
        tolerances: metric → how much worse it may get.
    """

    run: Run
    tolerances: Mapping[str, Tolerance]

    def measured(self, cell: Cell) -> Stored:
        """A cell's measurement.

        Raises:
            LicError: it can't be measured, or lacks a metric that is required.
        """
        stored = self.run.measurements.of(cell)
        reasons = stored.measurement.unavailable()
        required = self.run.setup.options.require
        lacking = grouped((reasons[name], name) for name in required if name in reasons)
        if lacking:
            raise LicError(
                "; ".join(
                    f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} required, but "
                    f"unavailable: {reason}"
                    for reason, names in lacking.items()
                )
            )
        return stored

    def point(self, cell: Cell, stored: Stored, command: str) -> PointRecord:
        """A cell with its verdict.

        Args:
            cell: what was measured.
            stored: its measurement.
            command: the command line that measures it again, for what has no baseline.
        """
        measured = stored.measurement
        key = BaselineKey(measured.corpus_digest, cell.setting.resolution, cell.quality)
        baseline = self.run.baselines.find(cell.family, key)
        return PointRecord(
            cell,
            PointResult(
                self._without_baseline(cell, command)
                if baseline is None
                else compare(measured, baseline, self.tolerances),
                measured,
                baseline,
            ),
            coded=stored.measured,
            durable=self.run.measurements.fingerprint(cell) is not None,
        )

    def curve(self, curve: Curve, measured: RDCurve) -> CurveResult:
        """A curve with its verdict, and what it is against each anchor.

        Raises:
            LicError: a point of an anchor can't be measured.
        """
        comparisons = [self._along(axis, measured, curve) for axis in self.run.setup.options.bd]
        return CurveResult(
            together(comparisons),
            curve.family,
            curve.setting,
            tuple(self._against(name, measured, curve) for name in self.run.setup.options.anchors),
        )

    def refuse_implausible(self, record: PointRecord, command: str) -> None:
        """Fail over a gain that no change of a codec explains, unless it is to be recorded.

        Raises:
            GateError: there is one.
        """
        result = record.result
        if result.measured is None or result.baseline is None or self.run.setup.options.update:
            return
        gain = too_good(result.measured, result.baseline)
        if gain is not None:
            raise GateError(
                f"{record.cell.id}: {gain}; if it is right, record it: {command} --lic-update"
            )

    def skip_without_bd_rate(self, result: CurveResult) -> None:
        """Skip, with the reason, where a curve has no BD-rate.

        Raises:
            GateError: BD-rate is required.
        """
        verdict = result.comparison
        if verdict.verdict is not Verdict.UNAVAILABLE or self.run.setup.options.update:
            return
        if "bd_rate" in self.run.setup.options.require:
            raise GateError(f"{verdict.subject}: bd_rate is required, but {verdict.reason}")
        pytest.skip(f"BD-rate unavailable: {verdict.reason}")

    def _without_baseline(self, cell: Cell, command: str) -> Comparison:
        if self.run.setup.options.update or self.run.setup.options.update_missing:
            return Comparison(cell.id, Verdict.NEW, "no baseline until now")
        advice = f"no baseline; if it is right, record it: {command} --lic-update-missing"
        return Comparison(cell.id, Verdict.MISSING, advice)

    def _along(self, axis: CurveMetric, measured: RDCurve, curve: Curve) -> Comparison:
        """The verdict on one axis."""
        others = self._other_variants(axis, measured, curve)
        if others is not None:
            return Comparison(curve.id, Verdict.UNAVAILABLE, others)
        broken = measured.non_monotone(axis)
        comparison = (
            self._against_stored(axis, measured, curve)
            if broken is None
            else Comparison(curve.id, Verdict.UNAVAILABLE, broken)
        )
        if comparison.verdict is Verdict.UNAVAILABLE and self._had_bd_rate(axis, curve):
            lost = f"BD-rate is lost: {comparison.reason}; the recorded curve has one"
            comparison = Comparison(curve.id, Verdict.REGRESSED, lost)
        return comparison

    def _other_variants(self, axis: CurveMetric, measured: RDCurve, curve: Curve) -> str | None:
        """Why two curves say nothing to each other: their numbers are of two variants, or None."""
        name = metric_on(axis).name
        recorded = self.run.curves.recorded(curve, self.run.baselines)
        for point in measured.points:
            then = recorded.get(point.cell.quality)
            if then is not None and other_variant(name, point, then):
                return (
                    f"{name} is of {point.variants[name]}, the stored curve's of "
                    f"{then.variants[name]}: not compared"
                )
        return None

    def _against_stored(self, axis: CurveMetric, measured: RDCurve, curve: Curve) -> Comparison:
        try:
            stored = self.run.curves.stored(curve)
        except UnavailableError as error:
            return Comparison(curve.id, Verdict.UNAVAILABLE, str(error))
        rate = bd_rate_over_images(stored, measured, axis)
        gain = bd_quality(stored, measured, axis)
        return compare_curves(curve.id, rate, gain, self.tolerances, axis=axis)

    def _had_bd_rate(self, axis: CurveMetric, curve: Curve) -> bool:
        """Whether the stored curve has a BD-rate, against itself."""
        try:
            stored = self.run.curves.stored(curve)
        except UnavailableError:  # nothing is recorded that could be lost
            return False
        return not isinstance(bd_rate(stored, stored, axis).value, Unavailable)

    def _against(self, name: str, measured: RDCurve, curve: Curve) -> AnchorResult:
        try:
            anchor = self.run.curves.anchor(name, curve)
        except UnavailableError as error:
            return AnchorResult(name, None, None, str(error))
        rate, gain = bd_rate(anchor, measured), bd_quality(anchor, measured)
        options = self.run.setup.options
        others = [axis for axis in (*options.bd, *options.ctc) if axis != "psnr"]
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


def _value(bd: BD) -> float | None:
    return None if isinstance(bd.value, Unavailable) else bd.value
