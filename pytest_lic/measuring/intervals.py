"""Whether a difference is real: 95 % intervals of means and of BD-rate over the images.

A paired bootstrap: images are drawn with replacement, the same ones on both sides, and the number
is computed anew of each draw, by scipy.stats.bootstrap. Its BCa intervals (B. Efron: "Better
bootstrap confidence intervals", JASA 82, 1987) are too narrow for few images, so they are taken as
wide as Student's are beside the normal distribution's (T. Hesterberg: "What teachers should know
about the bootstrap", The American Statistician 69, 2015, "expanded").

It tells what other images of the same kind would have given; it says nothing of another training.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pytest_lic.errors import Unavailable
from pytest_lic.measuring.measure import Measurement
from pytest_lic.measuring.metrics import METRICS, Metric
from pytest_lic.measuring.rate_distortion import (
    BD,
    CurveMetric,
    Interval,
    RDCurve,
    bd_rate,
    metric_on,
)

RESAMPLES = 10_000
LEVEL = 0.95
LEAST_IMAGES = 5
"""Fewer images tell nothing of others."""
_SEED = 20_261_129
_BATCH = 2_000  # draws at once
_MOST_LOST = 0.01  # of the draws may have no value

_Array = NDArray[np.float64]


def mean_interval(before: Measurement, after: Measurement, metric: str) -> Interval | Unavailable:
    """Of the change of a mean, in the unit of its tolerance, positive where ``after`` is more.

    Args:
        before: of one cell.
        after: of the same images.
        metric: whose mean.
    """
    names = _common([before, after])
    sides = _values([before, after], names, metric)
    if sides is None:
        return Unavailable(f"{metric} is not known, or not finite, of every image")
    kind = METRICS[metric]

    def change(drawn: _Array) -> _Array:  # (2, R)
        old, new = (_shown(kind, side) for side in drawn)
        return np.asarray(100 * (new - old) / np.abs(old) if kind.relative else new - old)

    return _interval(sides, lambda means: change(means))


def bd_rate_over_images(
    anchor: RDCurve | Unavailable,
    test: RDCurve | Unavailable,
    metric: CurveMetric = "psnr",
) -> BD:
    """BD-rate of two curves with its interval over the images: see `bd_rate`.

    Args:
        anchor: the curve compared with; there is an interval where both were measured, and differ.
        test: the curve in question.
        metric: the quality axis.
    """
    bd = bd_rate(anchor, test, metric)
    if isinstance(anchor, Unavailable) or isinstance(test, Unavailable):
        return bd
    if isinstance(bd.value, Unavailable) or bd.value == 0.0:
        return bd
    if not (anchor.points and test.points):
        return bd
    return replace(bd, interval=bd_rate_interval(anchor, test, metric))


def bd_rate_interval(
    anchor: RDCurve, test: RDCurve, metric: CurveMetric = "psnr"
) -> Interval | Unavailable:
    """Of a BD-rate in percent.

    Args:
        anchor: the curve compared with, with its measurements.
        test: the curve in question, with measurements of the same images.
        metric: the quality axis.
    """
    curves = [_rising(anchor), _rising(test)]
    points = [*curves[0], *curves[1]]
    names = _common(points)
    kind = metric_on(metric)
    rates = _values(points, names, "bpp")
    qualities = _values(points, names, kind.name)
    if rates is None or qualities is None:
        return Unavailable(f"{kind.label} is not known, or not finite, of every image")
    middle, count = len(curves[0]), len(points)
    sign = 1 if kind.higher_is_better else -1

    def statistic(means: _Array) -> _Array:  # (2 · points, R)
        log_rate = np.log(means[:count].T)
        quality = sign * _shown(kind, means[count:].T)
        return _bd_rates(
            (log_rate[:, :middle], quality[:, :middle]), (log_rate[:, middle:], quality[:, middle:])
        )

    return _interval(np.concatenate([rates, qualities]), statistic)


def _shown(metric: Metric, means: _Array) -> _Array:
    """The means as tables have them."""
    if type(metric).shown is Metric.shown:  # which changes nothing
        return means
    return np.asarray(np.vectorize(metric.shown)(means))


def _rising(curve: RDCurve) -> Sequence[Measurement]:
    """Its measurements, from the end with the lower rate on."""
    return curve.points if curve.bpp[0] < curve.bpp[-1] else curve.points[::-1]


def _common(measurements: Sequence[Measurement]) -> list[str]:
    """The images that all of them have, in order."""
    first, *others = measurements
    return [name for name in first.images if all(name in other.images for other in others)]


def _values(
    measurements: Sequence[Measurement], names: Sequence[str], metric: str
) -> _Array | None:
    """(measurements, images), or None where a value is missing or infinite."""
    rows = [[one.images[name].value(metric) for name in names] for one in measurements]
    known = [[math.nan if value is None else value for value in row] for row in rows]
    values = np.array(known, np.float64)
    return values if np.isfinite(values).all() else None


def _interval(values: _Array, statistic: Callable[[_Array], _Array]) -> Interval | Unavailable:
    """Of a statistic of the means (rows, R) of values (rows, images)."""
    from scipy import stats

    images = values.shape[1]
    student = stats.t.ppf((1 + LEVEL) / 2, images - 1) * math.sqrt(images / max(images - 1, 1))
    level = 1 - 2 * float(stats.norm.cdf(-student))
    if images < LEAST_IMAGES:
        return Unavailable(f"{images} images; an interval needs at least {LEAST_IMAGES}")

    def of_draws(drawn: NDArray[np.int64], axis: int = -1) -> _Array:
        drawn = np.moveaxis(np.asarray(drawn), axis, -1)
        flat = drawn.reshape(-1, drawn.shape[-1])
        means = np.stack([row[flat].mean(-1) for row in values])
        found = statistic(means)
        return np.where(np.isfinite(found), found, np.nan).reshape(drawn.shape[:-1])

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # of a statistic that is the same for every draw
        whole = float(of_draws(np.arange(images)[None])[0])
        result = stats.bootstrap(
            (np.arange(images),),
            of_draws,
            vectorized=True,
            n_resamples=RESAMPLES,
            batch=_BATCH,
            confidence_level=level,
            method="BCa",
            random_state=np.random.default_rng(_SEED),
        )
    drawn = result.bootstrap_distribution
    lost = np.isnan(drawn).mean()
    if math.isnan(whole) or lost > _MOST_LOST:
        return Unavailable(f"{100 * lost:.0f} % of the draws of images have no value")
    if np.ptp(drawn[~np.isnan(drawn)]) == 0:  # BCa has no interval of what never differs
        return Interval(whole, whole)
    low, high = result.confidence_interval
    if lost or math.isnan(low) or math.isnan(high):
        low, high = np.nanquantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))


def _bd_rates(anchor: tuple[_Array, _Array], test: tuple[_Array, _Array]) -> _Array:
    """BD-rates in percent of many pairs of curves; NaN where one does not rise.

    Args:
        anchor: log-rates and qualities, each (R, points).
        test: likewise.
    """
    (_, one), (_, other) = anchor, test
    low = np.maximum(one[:, 0], other[:, 0])
    high = np.minimum(one[:, -1], other[:, -1])
    areas = [_area(quality, rate, low, high) for rate, quality in (anchor, test)]
    difference: _Array = (areas[1] - areas[0]) / (high - low)
    rising = [(np.diff(values, axis=1) > 0).all(1) for curve in (anchor, test) for values in curve]
    valid = np.logical_and.reduce(rising) & (high > low)
    return np.where(valid, 100 * np.expm1(difference), np.nan)


def _area(x: _Array, y: _Array, low: _Array, high: _Array) -> _Array:
    """The integral from ``low`` to ``high`` of the pchip interpolants through (x, y), each row one.

    F. N. Fritsch, J. Butland: "A method for constructing local monotone piecewise cubic
    interpolants", SIAM J. Sci. Stat. Comput. 5, 1984; as scipy.interpolate.PchipInterpolator, which
    takes one grid of x alone.
    """
    step = np.diff(x, axis=1)
    slope = np.diff(y, axis=1) / step
    tangent = np.empty_like(x)
    weights = 2 * step[:, 1:] + step[:, :-1], step[:, 1:] + 2 * step[:, :-1]
    harmonic = (weights[0] + weights[1]) / (weights[0] / slope[:, :-1] + weights[1] / slope[:, 1:])
    tangent[:, 1:-1] = np.where(slope[:, :-1] * slope[:, 1:] > 0, harmonic, 0.0)
    tangent[:, 0] = _end(step[:, 0], step[:, 1], slope[:, 0], slope[:, 1])
    tangent[:, -1] = _end(step[:, -1], step[:, -2], slope[:, -1], slope[:, -2])
    ends = [np.clip((bound[:, None] - x[:, :-1]) / step, 0.0, 1.0) for bound in (low, high)]
    areas = [_hermite_area(end, step, y, tangent) for end in ends]
    return np.asarray((areas[1] - areas[0]).sum(1))


def _hermite_area(t: _Array, step: _Array, y: _Array, tangent: _Array) -> _Array:
    """The integral over the first part t of each interval."""
    two, three, four = t**2, t**3, t**4
    area: _Array = step * (
        y[:, :-1] * (four / 2 - three + t)
        + y[:, 1:] * (three - four / 2)
        + step * tangent[:, :-1] * (four / 4 - 2 * three / 3 + two / 2)
        + step * tangent[:, 1:] * (four / 4 - three / 3)
    )
    return area


def _end(near: _Array, far: _Array, slope: _Array, beyond: _Array) -> _Array:
    """The tangent at an end: three points' parabola, limited so that it stays monotone."""
    tangent = ((2 * near + far) * slope - near * beyond) / (near + far)
    tangent = np.where(np.sign(tangent) != np.sign(slope), 0.0, tangent)
    steep = (np.sign(slope) != np.sign(beyond)) & (np.abs(tangent) > 3 * np.abs(slope))
    return np.asarray(np.where(steep, 3 * slope, tangent))
