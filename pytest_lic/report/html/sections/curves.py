"""The rate-distortion curves of a report: what is drawn, and the table of BD-rates beside it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_lic.baselines.comparison import Verdict
from pytest_lic.errors import Unavailable, UnavailableError
from pytest_lic.measuring.grid import Setting
from pytest_lic.measuring.intervals import bd_rate_over_images
from pytest_lic.measuring.measure import Measurement, reported_metrics
from pytest_lic.measuring.metrics import Metric
from pytest_lic.measuring.published import published_curve, published_names
from pytest_lic.measuring.rate_distortion import (
    BD,
    CURVE_METRICS,
    CurveMetric,
    RDCurve,
    metric_on,
)
from pytest_lic.report.html.content import Content
from pytest_lic.report.html.families import BASELINE, Family, families_of, setting_title
from pytest_lic.results.results import Results

AT_FIRST = ("bpg-444", "vtm", "jpeg-published", "paper-elic2022")
"""The published curves that are shown, and compared with, without being asked for."""

_SHOWN = 8  # families that are drawn at first, besides those that changed


def curves(content: Content) -> dict[str, Any] | None:
    """The section: one plot for each setting of any run, in their order."""
    gathered: dict[Setting, list[Family]] = {}
    for run, results in content.runs.items():
        for setting, families in families_of(run, results, several=content.several).items():
            gathered.setdefault(setting, []).extend(families)
    metrics = reported_metrics(
        point.measured for results in content.runs.values() for point in results.points
    )
    plots = []
    for setting, families in gathered.items():
        anchors = _anchors(content.runs.values(), setting, families)
        compared = [anchor.curve for anchor in anchors if anchor.shown]
        plots.append(
            {
                "title": setting_title(setting),
                "series": [*_measured_series(families, metrics), *_anchor_series(anchors)],
                "tables": {
                    metric.name: _table(families, compared, axis)
                    for metric, axis in _axes(families).items()
                    if metric in metrics
                },
            }
        )
    qualities = [metric for metric in metrics if metric.of_pixels]
    averaged = [metric.averaged.removeprefix("per-image ") for metric in qualities]
    axes = {metric.name: _axis(metric) for metric in qualities}
    return {"plots": plots, "axes": axes, "averaged": averaged} if plots else None


def _axes(families: Sequence[Family]) -> dict[Metric, CurveMetric]:
    """Metric → quality axis, of those that have always one, and those that the run asked for."""
    axes = {metric: axis for axis, metric in CURVE_METRICS.items()}
    asked = dict.fromkeys(name for family in families for name in family.along)
    return axes | {metric_on(name): name for name in asked if metric_on(name) not in axes}


def _axis(metric: Metric) -> dict[str, Any]:
    """What the script must know of a metric to draw it over the rate."""
    better = "higher is better" if metric.higher_is_better else "lower is better"
    return {
        "label": f"{metric.label} ({metric.unit or better})",
        "name": metric.label,
        "digits": 2 if metric.unit == "dB" else metric.decimals,
        "unit": f" {metric.unit}".rstrip(),
    }


@dataclass(frozen=True)
class _Anchor:
    curve: RDCurve
    shown: bool


def _anchors(
    runs: Iterable[Results], setting: Setting, families: Sequence[Family]
) -> list[_Anchor]:
    """What was asked for, then what was published of these images."""
    asked: dict[str, RDCurve] = {}
    for results in runs:
        for curve in results.curves:
            for anchor in curve.anchors if curve.setting == setting else ():
                if anchor.points:
                    bpp, psnr, ms_ssim = zip(*anchor.points, strict=True)
                    labels = tuple(str(number) for number in range(1, len(bpp) + 1))
                    asked[anchor.anchor] = RDCurve(anchor.anchor, bpp, psnr, ms_ssim, labels)
    anchors = {name: _Anchor(curve, shown=True) for name, curve in asked.items()}
    for digest in {_digest(family) for family in families}:
        for name in published_names():
            try:
                published = published_curve(name, digest, setting.resolution)
            except UnavailableError:
                continue  # of other images
            anchors[name] = _Anchor(published, name in asked or name in AT_FIRST)
    return sorted(anchors.values(), key=lambda anchor: not anchor.shown)


def _digest(family: Family) -> str:
    measured = (point.measured for point in family.points.values())
    return next(one.corpus_digest for one in measured if one is not None)


def _measured_series(
    families: Sequence[Family], metrics: Sequence[Metric]
) -> Iterator[dict[str, Any]]:
    """Every family, and right after it its baseline."""
    for place, family in enumerate(families):
        verdicts = [point.comparison.verdict for point in family.points.values()]
        shown = place < _SHOWN or Verdict.REGRESSED in verdicts or Verdict.IMPROVED in verdicts
        base = {"name": family.name, "shown": shown, "colour": place}
        points = _points(family.measurements("measured"), metrics)
        yield base | {"kind": "measured", "points": points, "verdicts": verdicts}
        before = _points(family.measurements("baseline"), metrics)
        yield base | {"kind": "baseline", "points": before, "verdicts": []}


def _points(
    measured: Mapping[str, Measurement | None], metrics: Sequence[Metric]
) -> list[dict[str, Any]]:
    return [
        {
            "quality": label,
            "lambda": measurement.lmbda,
            **{metric.name: measurement.shown(metric.name) for metric in metrics},
        }
        for label, measurement in measured.items()
        if measurement is not None
    ]


def _anchor_series(anchors: Sequence[_Anchor]) -> Iterator[dict[str, Any]]:
    for place, anchor in enumerate(anchors):
        curve = anchor.curve
        yield {
            "name": curve.name,
            "shown": anchor.shown,
            "colour": place,
            "kind": "anchor",
            "source": curve.source,
            "verdicts": [],
            "points": [
                {
                    "quality": label,
                    "lambda": None,
                    "bpp": _finite(curve.bpp[point]),
                    **{
                        metric.name: _finite(curve.quality(axis)[point])
                        for axis, metric in CURVE_METRICS.items()
                    },
                }
                for point, label in enumerate(curve.labels)
            ],
        }


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _table(
    families: Sequence[Family], anchors: Sequence[RDCurve], metric: CurveMetric
) -> dict[str, Any]:
    """BD-rate of each family (rows) against each anchor (columns), and why some lack it.

    Of an anchor that stands in the results without its images, the run's own numbers are shown.
    """
    rows = []
    reasons: dict[str, None] = {}
    for family in families:
        measured, baseline = family.curve("measured"), family.curve("baseline")
        bds: list[BD | None] = [bd_rate_over_images(baseline, measured, metric)]
        for anchor in anchors:
            itself = isinstance(measured, RDCurve) and anchor.name == measured.name
            told = family.along.get(metric, {}).get(anchor.name)
            against = (
                BD(told) if told is not None else bd_rate_over_images(anchor, measured, metric)
            )
            bds.append(None if itself else against)
        rows.append((family.name, family.verdict, bds))
        for bd in bds:
            if bd is not None and isinstance(bd.value, Unavailable):
                reasons[bd.value.reason] = None
    columns = [BASELINE, *(anchor.name for anchor in anchors)]
    return {"anchors": columns, "rows": rows, "reasons": list(reasons)}
