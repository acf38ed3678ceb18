"""What is measured against the milestone's baselines, under tolerances of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pytest_lic.baselines.comparison import Verdict, compare, compare_curves, other_variant
from pytest_lic.baselines.entries import BaselineKey
from pytest_lic.errors import Unavailable, UnavailableError
from pytest_lic.measuring.grid import Cell, Curve
from pytest_lic.measuring.measure import Measurement
from pytest_lic.measuring.rate_distortion import RDCurve, bd_quality, bd_rate
from pytest_lic.report.words import difference_text, label
from pytest_lic.run.run import Run
from pytest_lic.session.recorder import GateError, Recorder


@dataclass(frozen=True)
class MilestoneGate:
    """Fails a test whose means or BD-rate are worse than at the milestone, if there is one.

    A run that records fails as well: recording moves the baseline, and no milestone.
    """

    run: Run
    recorder: Recorder

    def point(self, cell: Cell, measured: Measurement) -> None:
        """Gate the means of a cell.

        Raises:
            GateError: one is worse than its tolerance allows.
        """
        milestone = self.run.milestone
        if milestone is None:
            return
        key = BaselineKey(measured.corpus_digest, cell.setting.resolution, cell.quality)
        then = milestone.baselines.find(cell.family, key)
        if then is None:
            self._remark(cell, f"{milestone.title} has no baseline of it")
            return
        tolerances = self.run.setup.options.milestone_tolerance
        for name in sorted(tolerances.keys() - {"bd_rate"}):
            self._remark(cell, _not_held(name, measured, then, milestone.title))
        comparison = compare(measured, then, tolerances)
        if comparison.verdict is Verdict.ERROR:
            self._fail(cell, [comparison.reason])
        means = [difference for difference in comparison.regressions if difference.image is None]
        if means:
            self._fail(cell, [difference_text(mean, milestone.name) for mean in means])

    def curve(self, curve: Curve, measured: RDCurve) -> None:
        """Gate a curve on its BD-rate.

        Raises:
            GateError: it is above its tolerance, or lost.
        """
        milestone = self.run.milestone
        if milestone is None:
            return
        try:
            then = self.run.curves.at_milestone(curve, milestone)
        except UnavailableError:
            return  # its points say so
        rate, gain = bd_rate(then, measured), bd_quality(then, measured)
        tolerances = self.run.setup.options.milestone_tolerance
        against = f"{milestone.title}, tolerance {tolerances['bd_rate'].mean:g} %"
        comparison = compare_curves(curve.id, rate, gain, tolerances, against)
        if comparison.verdict is Verdict.REGRESSED:
            self._fail(curve, [comparison.reason, *_moves(then, measured)])
        if isinstance(rate.value, Unavailable):
            if not isinstance(bd_rate(then, then).value, Unavailable):
                self._fail(curve, [f"BD-rate is lost: {rate.value.reason}; it had one"])
            self._remark(curve, f"no BD-rate against {milestone.title}: {rate.value.reason}")

    def _fail(self, subject: Cell | Curve, lines: Iterable[str]) -> None:
        assert self.run.milestone is not None
        raise GateError(
            "\n  ".join(
                [
                    f"{subject.id}: worse than {self.run.milestone.title}",
                    *lines,
                    "if that is meant, let lic_milestone name a later commit",
                ]
            )
        )

    def _remark(self, subject: Cell | Curve, text: str | None) -> None:
        self.recorder.remark(subject.id, text, expected=True)


def _not_held(name: str, now: Measurement, then: Measurement, title: str) -> str | None:
    """Why a metric with a tolerance is not compared with the milestone; None where it is."""
    metric = label(name)
    if other_variant(name, now, then):
        return (
            f"{metric} is not held to {title}: here it is of {now.variants[name]}, there of "
            f"{then.variants[name]}"
        )
    if not any(image.gated(name) is not None for image in now.images.values()):
        return f"{metric} is not held to {title}: it is not measured here"
    if not any(image.gated(name) is not None for image in then.images.values()):
        return f"{metric} is not held to {title}, which has none"
    return None


def _moves(then: RDCurve, now: RDCurve) -> list[str]:
    """Rate and quality of each point that both have, there and now."""
    before = {label: point for label, *point in zip(then.labels, then.bpp, then.psnr, strict=True)}
    return [
        f"quality {label}: {before[label][0]:.4f} → {bpp:.4f} bpp, "
        f"{before[label][1]:.3f} → {psnr:.3f} dB"
        for label, bpp, psnr in zip(now.labels, now.bpp, now.psnr, strict=True)
        if label in before
    ]
