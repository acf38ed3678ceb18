"""Judges the curves whose points several shards measured, as the run of one machine would have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pytest_lic.baselines.comparison import Comparison, Verdict
from pytest_lic.errors import ResultsError, Unavailable, UnavailableError
from pytest_lic.measuring.grid import Cell, Curve
from pytest_lic.measuring.measure import Measurement
from pytest_lic.measuring.published import published_curve, published_names
from pytest_lic.measuring.rate_distortion import RDCurve
from pytest_lic.report.words import comparison_text
from pytest_lic.results.curve_judge import CurveJudge, curve_through
from pytest_lic.results.results import (
    CurveResult,
    FamilyFacts,
    Outcome,
    PointResult,
    RunFacts,
    TestResult,
)
from pytest_lic.results.shard_facts import LeftCurve, ShardFacts


class _BrokenError(Exception):
    """A point of a curve broke; the text is that of its test."""


@dataclass(frozen=True)
class Judged:
    """What became of a curve; ``result`` is None where a point of it broke."""

    outcome: Outcome
    text: str
    result: CurveResult | None


@dataclass(frozen=True)
class LeftCurves:
    """Judges curves from the points of all shards.

    Args:
        run: the facts that all shards have in common.
        shard: of any of them, whose options count.
        families: every one on the grid.
        points: id of a cell → what was found of it.
        failed: id of a cell → the test that failed of it.
    """

    run: RunFacts
    shard: ShardFacts
    families: Mapping[str, FamilyFacts]
    points: Mapping[str, PointResult]
    failed: Mapping[str, TestResult]

    def judge(self, left: LeftCurve) -> Judged:
        """The verdict on a curve, and how its test ends.

        Raises:
            ResultsError: no shard has tried to measure a point of it.
        """
        curve = left.curve
        try:
            measured = self._measured(curve)
        except UnavailableError as error:
            verdict = Comparison(curve.id, Verdict.UNAVAILABLE, str(error))
            result = CurveResult(verdict, curve.family, curve.setting)
            device = curve.setting.device
            if {curve.family, device, device.split(":")[0]} & set(self._options("require")):
                return Judged("failed", f"{curve.id}: required, but {error}", result)
            return Judged("skipped", f"Skipped: unavailable: {error}", result)
        except _BrokenError as error:
            return Judged("failed", f"{curve.id}: {error}", None)
        baselines = {
            label: point.baseline
            for label, point in self._of(curve).items()
            if point is not None and point.baseline is not None
        }
        judge = CurveJudge(self._options("bd"), self._options("ctc"), self.run.tolerances)
        anchors = {name: self._anchor(name, curve) for name in self._options("anchor")}
        labels = list(self.families[curve.family].qualities)
        result = judge.result(curve, measured, labels, baselines, anchors)
        return self._ended(result, left.command)

    def _ended(self, result: CurveResult, command: str) -> Judged:
        verdict = result.comparison
        if verdict.verdict.fails(strict=self.run.strict):
            return Judged("failed", comparison_text(verdict, command), result)
        if verdict.verdict is not Verdict.UNAVAILABLE:
            return Judged("passed", "", result)
        if "bd_rate" in self._options("require"):
            text = f"{verdict.subject}: bd_rate is required, but {verdict.reason}"
            return Judged("failed", text, result)
        return Judged("skipped", f"Skipped: BD-rate unavailable: {verdict.reason}", result)

    def _options(self, name: str) -> Sequence[str]:
        return [text for text in self.shard.options[name].split(",") if text]

    def _of(self, curve: Curve) -> dict[str, PointResult | None]:
        """Quality → its point, None where no shard has one."""
        labels = self.families[curve.family].qualities
        cells = {label: Cell(curve.family, label, curve.setting) for label in labels}
        return {label: self.points.get(cell.id) for label, cell in cells.items()}

    def _measured(self, curve: Curve) -> RDCurve:
        measured: dict[str, Measurement] = {}
        for label, point in self._of(curve).items():
            cell = Cell(curve.family, label, curve.setting)
            if point is None and cell.id in self.failed:
                raise _BrokenError(self.failed[cell.id].text)
            if point is None:
                raise ResultsError(
                    f"curve {curve.id}: no shard has measured {cell.id}; run all shards with the "
                    "same tests, -m rd among them"
                )
            if point.measured is None:
                raise UnavailableError(point.comparison.reason)
            measured[label] = point.measured
        return curve_through(curve.family, measured)

    def _anchor(self, name: str, curve: Curve) -> RDCurve | Unavailable:
        """The anchor's curve from the points, on the CPU where it does not run on the device."""
        try:
            if name not in self.families and name in published_names():
                return published_curve(name, self._digest(curve), curve.setting.resolution)
            there = Curve(name, curve.setting)
            on_cpu = replace(there, setting=replace(curve.setting, device="cpu"))
            elsewhere = any(
                point is not None and point.measured is None for point in self._of(there).values()
            )
            if elsewhere and all(self._of(on_cpu).values()):
                return self._measured(on_cpu)
            return self._measured(there)
        except (UnavailableError, _BrokenError) as error:
            return Unavailable(str(error))

    def _digest(self, curve: Curve) -> str:
        points = (point.measured for point in self._of(curve).values() if point is not None)
        return next(measured.corpus_digest for measured in points if measured is not None)
