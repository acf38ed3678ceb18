"""Rate and quality of a cell against its baseline, and a curve against its stored one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from pytest_lic.baselines.comparison import Comparison, Verdict, compare
from pytest_lic.baselines.entries import BaselineKey
from pytest_lic.baselines.plausible import too_good
from pytest_lic.baselines.tolerances import Tolerance
from pytest_lic.errors import LicError, Unavailable, UnavailableError
from pytest_lic.measuring.grid import Cell, Curve
from pytest_lic.measuring.rate_distortion import RDCurve
from pytest_lic.measuring.store import Stored
from pytest_lic.results.curve_judge import CurveJudge
from pytest_lic.results.records import PointRecord
from pytest_lic.results.results import CurveResult, PointResult
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
        options, curves = self.run.setup.options, self.run.curves
        judge = CurveJudge(options.bd, options.ctc, self.tolerances)
        return judge.result(
            curve,
            measured,
            list(self.run.setup.families[curve.family].qualities),
            curves.recorded(curve, self.run.baselines),
            {name: self._anchor(name, curve) for name in options.anchors},
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

    def _anchor(self, name: str, curve: Curve) -> RDCurve | Unavailable:
        try:
            return self.run.curves.anchor(name, curve)
        except UnavailableError as error:
            return Unavailable(str(error))
