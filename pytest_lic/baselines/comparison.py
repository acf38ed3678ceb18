"""A measurement or curve against its baseline: the numbers that a gate looks at, and the verdict.

Each metric is gated on the mean and on each image, since an average hides the one broken image.
Only a change for the worse fails; on the environment that recorded the baseline, a difference
inside the tolerances is called changed, elsewhere it is within tolerance.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from pytest_lic.baselines.tolerances import Tolerance
from pytest_lic.errors import Unavailable
from pytest_lic.measuring.intervals import mean_interval
from pytest_lic.measuring.measure import Measurement
from pytest_lic.measuring.metrics import METRICS, Metric
from pytest_lic.measuring.rate_distortion import (
    BD,
    CurveMetric,
    Interval,
    bd_rate_name,
    metric_on,
)

# A change of exactly the tolerance passes, whatever floating point makes of it; far below the
# precision of any stored number.
_ROUNDING = 1e-9


class Ranked(StrEnum):
    """Outcomes of one kind, from the best to the worst."""

    @property
    def rank(self) -> int:
        """Its place among them; the best has 0."""
        return list(type(self)).index(self)


class Verdict(Ranked):
    """One comparison's outcome, from the best to the worst."""

    SAME = "same"
    WITHIN = "within tolerance"
    CHANGED = "changed"
    IMPROVED = "improved"
    NEW = "new"
    UNAVAILABLE = "unavailable"
    MISSING = "missing"
    REGRESSED = "regressed"
    ERROR = "error"

    def fails(self, *, strict: bool = False) -> bool:
        """Whether the run fails over it; ``changed`` fails only under ``--lic-strict``."""
        failing = {Verdict.MISSING, Verdict.REGRESSED, Verdict.ERROR}
        return self in failing or (strict and self is Verdict.CHANGED)


@dataclass(frozen=True)
class Difference:
    """One number against its baseline.

    ``image`` is None for the mean. ``worse_by`` is positive for a change for the worse and in the
    unit of ``tolerance``; ``baseline`` and ``measured`` are as the metric is shown. ``interval`` is
    that of the change, positive where the number rose, over other images of the kind.
    """

    metric: str
    image: str | None
    baseline: float
    measured: float
    worse_by: float
    tolerance: float
    interval: Interval | None = None

    @property
    def regressed(self) -> bool:
        """Worse by more than the tolerance, or no number at all."""
        return not self.worse_by <= self.tolerance + _ROUNDING

    @property
    def improved(self) -> bool:
        """Better by more than the tolerance."""
        return -self.worse_by > self.tolerance + _ROUNDING

    @property
    def severity(self) -> float:
        """By how many tolerances the number is off, to either side; infinite for no number."""
        if math.isnan(self.worse_by):
            return math.inf
        return abs(self.worse_by) / max(self.tolerance, 1e-9)


@dataclass(frozen=True)
class Comparison:
    """The verdict on one cell or curve, with what led to it.

    ``subject`` is the id of the cell or curve; ``differences`` holds the regressions and
    improvements, the worst first, and a curve's BD-rate; ``reason`` says the rest in words.
    """

    subject: str
    verdict: Verdict
    reason: str
    differences: tuple[Difference, ...] = ()

    @property
    def regressions(self) -> list[Difference]:
        """The differences for the worse."""
        return [difference for difference in self.differences if difference.regressed]


def compare(
    measured: Measurement, baseline: Measurement, tolerances: Mapping[str, Tolerance]
) -> Comparison:
    """Gate one cell's measurement, in the mean and on each image.

    Both are of the same family, quality, corpus digest and resolution. The means are taken over
    the images that have the metric, and a finite one, on both sides.
    """
    subject = measured.cell.id
    if measured.images.keys() != baseline.images.keys():
        return Comparison(
            subject,
            Verdict.ERROR,
            "the baseline's images are not the corpus's, although the digests agree: "
            "the baseline file was edited; record it again with --lic-update",
        )
    differences: list[Difference] = []
    remarks: list[str] = []
    for name, metric in METRICS.items():
        if other_variant(name, measured, baseline):
            remarks.append(
                f"{name} is of {measured.variants[name]}, the baseline's of "
                f"{baseline.variants[name]}: not compared"
            )
            continue
        tolerance = tolerances.get(name)
        if tolerance is None:  # those of a run recorded before there was the metric
            continue
        finite: list[tuple[float, float]] = []  # of images that are lossless on neither side
        gained = lost = 0
        for image, result in measured.images.items():
            old, new = baseline.images[image].gated(name), result.gated(name)
            if old is not None and new is not None:
                differences.append(_difference(metric, image, old, new, tolerance.image))
                if math.isfinite(old) and math.isfinite(new):
                    finite.append((old, new))
            gained += old is None and new is not None
            lost += old is not None and new is None
        if finite:
            before, after = (metric.average(values) for values in zip(*finite, strict=True))
            differences.append(_difference(metric, None, before, after, tolerance.mean))
        if gained:
            remarks.append(f"{name} is new{_share(gained, measured)}: the baseline lacks it")
        if lost:
            where = _share(lost, measured)
            remarks.append(f"{name} is unavailable here{where}, though the baseline has it")
    regressed = [difference for difference in differences if difference.regressed]
    improved = [difference for difference in differences if difference.improved]
    if regressed:
        verdict = Verdict.REGRESSED
    elif improved:
        verdict = Verdict.IMPROVED
        remarks.append("record the improvement with --lic-update")
    elif all(image.bits == baseline.images[name].bits for name, image in measured.images.items()):
        verdict = Verdict.SAME
    elif _same_circumstances(measured, baseline):
        verdict = Verdict.CHANGED
        remarks.append("not to the bit, although the environment is the recording one")
    else:
        verdict = Verdict.WITHIN
    notable = sorted([*regressed, *improved], key=_severity, reverse=True)
    with_intervals = (_with_interval(one, measured, baseline) for one in notable)
    return Comparison(subject, verdict, "; ".join(remarks), tuple(with_intervals))


def compare_curves(
    subject: str,
    bd_rate: BD,
    bd_psnr: BD,
    tolerances: Mapping[str, Tolerance],
    against: str = "the stored curve",
    axis: CurveMetric = "psnr",
) -> Comparison:
    """Gate a curve on its BD-rate against the stored one, or what ``against`` names.

    Args:
        subject: the id of the curve.
        bd_rate: along ``axis``.
        bd_psnr: the gain at equal rate, likewise.
        tolerances: has that of ``bd_rate``, which holds for every axis.
        against: of what the difference is.
        axis: the quality axis.
    """
    kind = metric_on(axis)
    by = "" if axis == "psnr" else f" by {kind.label}"
    if isinstance(bd_rate.value, Unavailable):
        reason = bd_rate.value.reason
        return Comparison(subject, Verdict.UNAVAILABLE, f"{by.strip()}: {reason}" if by else reason)
    tolerance = tolerances["bd_rate"].mean
    interval = bd_rate.interval if isinstance(bd_rate.interval, Interval) else None
    value = bd_rate.value
    name = bd_rate_name(axis)
    difference = Difference(name, None, 0.0, value, value, tolerance, interval)
    gain = ""
    if not isinstance(bd_psnr.value, Unavailable):
        gain = f", BD-{kind.label} {bd_psnr.value:+.3f} {kind.unit}".rstrip()
    sure = f" ({interval})" if interval is not None and value != 0.0 else ""
    reason = f"BD-rate{by} {value:+.2f} %{sure}{gain} against {against}"
    if difference.regressed:
        verdict = Verdict.REGRESSED
    elif difference.improved:
        verdict = Verdict.IMPROVED
    else:
        verdict = Verdict.SAME if value == 0.0 else Verdict.WITHIN
    return Comparison(subject, verdict, reason, (difference,))


def together(comparisons: Sequence[Comparison]) -> Comparison:
    """The verdicts on one subject as one: the worst, with all reasons and differences."""
    worst = max(comparisons, key=lambda one: one.verdict.rank)
    reasons = dict.fromkeys(one.reason for one in comparisons if one.reason)
    differences = tuple(difference for one in comparisons for difference in one.differences)
    return Comparison(worst.subject, worst.verdict, "; ".join(reasons), differences)


def _share(count: int, measured: Measurement) -> str:
    total = len(measured.images)
    return f" for {count} of {total} images" if count < total else ""


def other_variant(metric: str, one: Measurement, other: Measurement) -> bool:
    """Whether two measurements have different variants of a metric, so that it says nothing."""
    variants = (one.variants.get(metric), other.variants.get(metric))
    return None not in variants and variants[0] != variants[1]


def _difference(
    metric: Metric, image: str | None, before: float, after: float, tolerance: float
) -> Difference:
    worse_by = metric.worse_by(before, after)
    shown = (metric.shown(before), metric.shown(after))
    return Difference(metric.name, image, *shown, worse_by, tolerance)


def _with_interval(
    difference: Difference, measured: Measurement, baseline: Measurement
) -> Difference:
    """The change of a mean with its interval, where it has one."""
    if difference.image is not None:
        return difference
    interval = mean_interval(baseline, measured, difference.metric)
    return replace(difference, interval=interval) if isinstance(interval, Interval) else difference


def _severity(difference: Difference) -> tuple[bool, float]:
    """Regressions first, then by how many tolerances they are off."""
    return difference.regressed, difference.severity


def _same_circumstances(measured: Measurement, baseline: Measurement) -> bool:
    return (
        measured.environment == baseline.environment
        and measured.cell.setting.batch == baseline.cell.setting.batch
        and measured.cell.setting.device == baseline.cell.setting.device
    )
