"""Rate-distortion curves, and the average difference between two of them.

BD-rate and BD-PSNR are those of G. Bjøntegaard, "Calculation of average PSNR differences between
RD-curves", VCEG-M33, 2001, with piecewise cubic (pchip) interpolation. They are defined for curves
that cover much the same range; where two curves don't, a `BD` holds the reason and no number.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pytest_lic.errors import Unavailable, UnknownNameError
from pytest_lic.measuring.metrics import METRICS, Metric, metric_named
from pytest_lic.system.words import plural

if TYPE_CHECKING:
    from pytest_lic.measuring.measure import Measurement

CurveMetric = str
"""A quality axis on which curves can be compared: ``psnr`` or ``ms_ssim_db``, both in dB, or the
name of another metric of pixels, of which measured curves have the means."""

MIN_POINTS = 4
"""A curve of fewer points gets no BD value."""

MIN_OVERLAP = 0.75
"""Share of the narrower range that two curves must have in common to get a BD value."""

CURVE_METRICS: Mapping[CurveMetric, Metric] = {
    "psnr": METRICS["psnr"],
    "ms_ssim_db": METRICS["ms_ssim"],
}
"""Quality axis that published curves have too → the metric that is on it."""

_LEAST_RISE = 1e-9  # bpp or dB; rises below it are rounding, and pchip can't divide by them
_ROUNDING = 1e-9  # so that an overlap of exactly MIN_OVERLAP is enough


def curve_metric(name: str, where: str) -> CurveMetric:
    """The quality axis of a metric; ``where`` says in an error where the name was given.

    Raises:
        UnknownNameError: no metric of pixels has that name.
    """
    axes = {metric.name: axis for axis, metric in CURVE_METRICS.items()}
    of_pixels = {other: metric for other, metric in METRICS.items() if metric.of_pixels}
    if name not in of_pixels:
        raise UnknownNameError("metric", name, of_pixels, where)
    return axes.get(name, name)


def metric_on(axis: CurveMetric) -> Metric:
    """The metric of a quality axis.

    Raises:
        UnknownNameError: there is no such axis.
    """
    return CURVE_METRICS.get(axis) or metric_named(axis, "the quality axis")


def bd_rate_name(axis: CurveMetric = "psnr") -> str:
    """Of a BD-rate among what is compared: ``bd_rate``, or such as ``bd_rate:vif``."""
    return "bd_rate" if axis == "psnr" else f"bd_rate:{metric_on(axis).name}"


@dataclass(frozen=True)
class RDCurve:
    """A codec's operating points over one corpus, in the order of its qualities.

    Args:
        name: of the codec family, or of the published curve.
        bpp: mean over the images of bits per pixel.
        psnr: mean over the images of PSNR in dB; infinite where an image came back lossless.
        ms_ssim: mean over the images of linear MS-SSIM, at most 1; None where it is unknown.
        labels: the qualities.
        source: where the numbers come from, or "" for measured ones.
        points: of a measured curve, the measurements behind it.
    """

    name: str
    bpp: tuple[float, ...]
    psnr: tuple[float, ...]
    ms_ssim: tuple[float | None, ...]
    labels: tuple[str, ...]
    source: str = ""
    points: tuple[Measurement, ...] = field(default=(), repr=False, compare=False)
    _risings: dict[CurveMetric, list[_Point]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        lengths = [len(values) for values in (self.bpp, self.psnr, self.ms_ssim, self.labels)]
        if len(set(lengths)) > 1:
            raise ValueError(
                f"curve {self.name}: {lengths} values of bpp, psnr, ms_ssim and labels; "
                "expected equally many"
            )

    def of(self, labels: Collection[str]) -> RDCurve:
        """The curve through some of its points."""
        places = [place for place, label in enumerate(self.labels) if label in labels]
        return replace(
            self,
            bpp=tuple(self.bpp[place] for place in places),
            psnr=tuple(self.psnr[place] for place in places),
            ms_ssim=tuple(self.ms_ssim[place] for place in places),
            labels=tuple(self.labels[place] for place in places),
            points=tuple(self.points[place] for place in places if self.points),
        )

    def to_json(self) -> dict[str, Any]:
        """All but the measurements behind it."""
        return {each.name: getattr(self, each.name) for each in fields(self) if each.compare}

    def quality(self, metric: CurveMetric) -> tuple[float | None, ...]:
        """The values on the quality axis ``metric``, as many as there are points; higher is better.

        They are the means as tables show them, which of MS-SSIM are −10·log10(1 − MS-SSIM) of the
        mean linear MS-SSIM, in dB; of a metric that is lower where it is better, their negatives.
        """
        kind = metric_on(metric)
        if metric == "psnr":
            return self.psnr
        means: tuple[float | None, ...] = self.ms_ssim
        if metric != "ms_ssim_db":
            means = tuple(point.mean(kind.name) for point in self.points) or (None,) * len(self.bpp)
        sign = 1 if kind.higher_is_better else -1
        return tuple(None if mean is None else sign * kind.shown(mean) for mean in means)

    def non_monotone(self, metric: CurveMetric = "psnr") -> str | None:
        """A sentence on the first two neighbouring points where the curve does not rise, or None.

        From each quality to the next, rate and ``metric`` must both rise. Qualities listed from
        the highest rate to the lowest are read backwards. Points without a finite rate and
        quality take no part.
        """
        for before, after in pairwise(self._rising(metric)):
            if not after.bpp - before.bpp > _LEAST_RISE:
                what = f"the rate does not rise ({before.bpp:.6g} to {after.bpp:.6g} bpp)"
            elif not after.quality - before.quality > _LEAST_RISE:
                kind = metric_on(metric)
                what = (
                    f"{kind.label} does not {'rise' if kind.higher_is_better else 'fall'} "
                    f"({abs(before.quality):.6g} to {_axis_text(metric, after.quality)})"
                )
            else:
                continue
            step = f"from quality {before.label} to quality {after.label}"
            return f"{self.name} is not monotone: {step} {what}"
        return None

    def _rising(self, metric: CurveMetric) -> list[_Point]:
        """The finite points, from the end with the lower rate on."""
        if metric not in self._risings:
            self._risings[metric] = self._finite(metric)
        return self._risings[metric]

    def _finite(self, metric: CurveMetric) -> list[_Point]:
        points = [
            _Point(label, bpp, quality)
            for label, bpp, quality in zip(self.labels, self.bpp, self.quality(metric), strict=True)
            if quality is not None and math.isfinite(bpp) and math.isfinite(quality)
        ]
        backwards = bool(points) and points[0].bpp > points[-1].bpp
        return points[::-1] if backwards else points


@dataclass(frozen=True)
class Interval:
    """The ends of a 95 % interval, in the unit of what it is of."""

    low: float
    high: float

    @property
    def spans_zero(self) -> bool:
        """Whether no difference is shown."""
        return self.low <= 0.0 <= self.high

    def __str__(self) -> str:
        """Such as ``95 % interval -0.2 to +0.5, no difference shown``."""
        shown = ", no difference shown" if self.spans_zero else ""
        return f"95 % interval {self.low:+.3g} to {self.high:+.3g}{shown}"


@dataclass(frozen=True)
class BD:
    """An average difference between two curves, or the reason why there is none.

    Args:
        value: in percent of rate or in dB, or why there is none.
        overlap: share of the narrower range that the curves have in common, 0 to 1; None where
            the comparison did not get that far.
        interval: that of the value over other images of the kind; None where it was not computed,
            or why there is none.
    """

    value: float | Unavailable
    overlap: float | None = None
    interval: Interval | Unavailable | None = None

    def to_json(self) -> dict[str, float | str | list[float] | None]:
        """``value``, ``reason``, ``overlap`` and ``interval``: the first or the second is None."""
        ends = self.interval if isinstance(self.interval, Interval) else None
        return {
            "value": None if isinstance(self.value, Unavailable) else self.value,
            "reason": self.value.reason if isinstance(self.value, Unavailable) else None,
            "overlap": self.overlap,
            "interval": None if ends is None else [ends.low, ends.high],
        }


def bd_rate(
    anchor: RDCurve | Unavailable,
    test: RDCurve | Unavailable,
    metric: CurveMetric = "psnr",
    *,
    least: int = MIN_POINTS,
) -> BD:
    """Average difference in rate at equal quality, in percent: negative where ``test`` saves rate.

    Args:
        anchor: the curve compared with.
        test: the curve in question; it need not have as many points as the anchor.
        metric: the quality axis.
        least: how many points each must have, from 2 on; through two goes a straight line.

    Returns:
        No value, but the reason, where there is no such curve, where one has too few points, a
        point that is missing or not finite, or is not monotone, and where the curves'
        ranges of quality have less than 75 % of the narrower one in common.
    """
    return _difference(anchor, test, metric, along="quality", least=least)


def bd_quality(
    anchor: RDCurve | Unavailable,
    test: RDCurve | Unavailable,
    metric: CurveMetric = "psnr",
    *,
    least: int = MIN_POINTS,
) -> BD:
    """Average difference in ``metric`` at equal rate, in dB: positive where ``test`` is better.

    Returns:
        No value, but the reason, in the cases of `bd_rate`; the ranges that must overlap are
        those of log-rate.
    """
    return _difference(anchor, test, metric, along="rate", least=least)


class _Point(NamedTuple):
    label: str
    bpp: float
    quality: float


def _difference(
    anchor: RDCurve | Unavailable,
    test: RDCurve | Unavailable,
    metric: CurveMetric,
    along: Literal["quality", "rate"],
    least: int,
) -> BD:
    """BD-rate where the integral runs ``along`` quality, else the BD of ``metric``."""
    if isinstance(test, Unavailable):
        return BD(test)
    if isinstance(anchor, Unavailable):
        return BD(anchor)
    for role, curve in (("anchor ", anchor), ("", test)):
        obstacle = _obstacle(curve, metric, least)
        if obstacle is not None:
            return BD(Unavailable(role + obstacle))
    points = [curve._rising(metric) for curve in (anchor, test)]
    rates = [[point.bpp for point in curve] for curve in points]
    qualities = [[point.quality for point in curve] for curve in points]

    if along == "quality":
        axis, unit, values = metric_on(metric).label, metric_on(metric).unit, qualities
        overlap = _overlap(*qualities)
    else:
        axis, unit, values = "log-rate", "bpp", rates
        overlap = _overlap(*([math.log(rate) for rate in curve] for curve in rates))
    if overlap < MIN_OVERLAP - _ROUNDING:
        spans = [f"{curve[0]:.4g} to {curve[-1]:.4g} {unit}".rstrip() for curve in values]
        percent = math.floor(overlap * 1000) / 10  # down: never "75 % is under 75 %"
        reason = (
            f"overlap of {percent:g} % is under {MIN_OVERLAP * 100:g} % of the narrower {axis} "
            f"range: anchor {anchor.name} spans {spans[0]}, {test.name} {spans[1]}"
        )
        return BD(Unavailable(reason), overlap)
    if points[0] == points[1]:  # what the formulas give, too, in a thousand times the time
        return BD(0.0, overlap)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # Here, because it imports pyplot, which takes longer than everything else in this file.
        import bjontegaard

        formula = bjontegaard.bd_rate if along == "quality" else bjontegaard.bd_psnr
        value = float(
            formula(
                rates[0],
                qualities[0],
                rates[1],
                qualities[1],
                method="pchip",
                require_matching_points=False,
                min_overlap=0,
            )
        )
    if not math.isfinite(value):
        reason = f"the difference of {test.name} to anchor {anchor.name} is {value}"
        return BD(Unavailable(reason), overlap)
    return BD(value, overlap)


def _obstacle(curve: RDCurve, metric: CurveMetric, least: int) -> str | None:
    """Why ``curve`` can't be integrated, or None; begins with the curve's name."""
    if len(curve.bpp) < least:
        count = plural(len(curve.bpp), "point")
        return f"{curve.name} has {count}; a BD value needs at least {least}"
    name = metric_on(metric).label
    for label, bpp, quality in zip(curve.labels, curve.bpp, curve.quality(metric), strict=True):
        if not (math.isfinite(bpp) and bpp > 0):
            return f"{curve.name} has a rate of {bpp:g} bpp at quality {label}"
        if quality is None:
            return f"{curve.name} has no {name} at quality {label}"
        if not math.isfinite(quality):
            return f"{curve.name} has a {name} of {_axis_text(metric, quality)} at quality {label}"
    return curve.non_monotone(metric)


def _overlap(first: list[float], second: list[float]) -> float:
    """Common share of the narrower of two ranges, 0 to 1; both lists rise."""
    common = min(first[-1], second[-1]) - max(first[0], second[0])
    return max(common, 0.0) / min(first[-1] - first[0], second[-1] - second[0])


def _axis_text(axis: CurveMetric, quality: float) -> str:
    """A place on a quality axis as the metric has it, with its unit."""
    kind = metric_on(axis)
    return f"{quality if kind.higher_is_better else -quality:.6g} {kind.unit}".rstrip()
