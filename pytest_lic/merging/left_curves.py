"""Judges the curves whose points several shards measured, as the run of one machine would have."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
)
from pytest_lic.results.shard_facts import LeftCurve, ShardFacts

_Points = dict[str, PointResult | None]
"""Quality → its point, None where no shard has one."""


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
        point: what was found of a cell, by its id; None where no shard has it.
        failure: the text of the test of a cell that failed, by its id; None where none did.
    """

    run: RunFacts
    shard: ShardFacts
    families: Mapping[str, FamilyFacts]
    point: Callable[[str], PointResult | None]
    failure: Callable[[str], str | None]

    def judge(self, left: LeftCurve) -> Judged:
        """The verdict on a curve, and how its test ends.

        Raises:
            ResultsError: no shard has tried to measure a point of it.
        """
        curve = left.curve
        if curve.family not in self.families:
            raise ResultsError(f"curve {curve.id}: no shard says what {curve.family} is; run again")
        points = self._of(curve)
        try:
            measured = self._measured(curve, points)
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
            for label, point in points.items()
            if point is not None and point.baseline is not None
        }
        judge = CurveJudge(self._options("bd"), self._options("ctc"), self.run.tolerances)
        anchors = {name: self._anchor(name, curve, points) for name in self._options("anchor")}
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
        if name not in self.shard.options:
            raise ResultsError(f"no shard says what --lic-{name} was; run them again")
        return [text for text in self.shard.options[name].split(",") if text]

    def _of(self, curve: Curve) -> _Points:
        labels = self.families[curve.family].qualities
        cells = {label: Cell(curve.family, label, curve.setting) for label in labels}
        return {label: self.point(cell.id) for label, cell in cells.items()}

    def _measured(self, curve: Curve, points: _Points) -> RDCurve:
        measured: dict[str, Measurement] = {}
        for label, point in points.items():
            if point is None:
                cell = Cell(curve.family, label, curve.setting)
                failure = self.failure(cell.id)
                if failure is not None:
                    raise _BrokenError(failure)
                raise ResultsError(
                    f"curve {curve.id}: no shard has measured {cell.id}; run all shards with the "
                    "same tests, -m rd among them"
                )
            if point.measured is None:
                raise UnavailableError(point.comparison.reason)
            measured[label] = point.measured
        return curve_through(curve.family, measured)

    def _anchor(self, name: str, curve: Curve, points: _Points) -> RDCurve | Unavailable:
        """The anchor's curve from the points, on the CPU where it does not run on the device."""
        try:
            if name not in self.families and name in published_names():
                return published_curve(name, _digest(points), curve.setting.resolution)
            there = Curve(name, curve.setting)
            on_cpu = replace(there, setting=replace(curve.setting, device="cpu"))
            found = self._of(there)
            elsewhere = any(
                point is not None and point.measured is None for point in found.values()
            )
            if elsewhere and all(self._of(on_cpu).values()):
                return self._measured(on_cpu, self._of(on_cpu))
            return self._measured(there, found)
        except (UnavailableError, _BrokenError) as error:
            return Unavailable(str(error))


def _digest(points: _Points) -> str:
    measured = (point.measured for point in points.values() if point is not None)
    return next(one.corpus_digest for one in measured if one is not None)
