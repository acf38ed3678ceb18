"""Comparisons in words: what regressed, by how much, and how to look closer."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable

from pytest_lic.baselines.comparison import Comparison, Difference, Ranked
from pytest_lic.measuring.measure import Measurement
from pytest_lic.measuring.metrics import GROUPS, HEADLINES, METRICS
from pytest_lic.measuring.metrics.base import NONE
from pytest_lic.results.results import AnchorResult
from pytest_lic.system.words import shortened

_SHOWN = 8


def difference_text(difference: Difference, before: str = "baseline") -> str:
    """One line: metric, image, baseline, measured, change and tolerance.

    ``before`` says what the number is compared with.
    """
    metric = difference.metric
    where = "mean" if difference.image is None else f"image {difference.image}"
    values = f"{before} {difference.baseline:.6g}, measured {difference.measured:.6g}, "
    if metric not in METRICS:  # BD-rate, which is of a curve
        where, values = "curve", ""
    tolerance = f"{difference.tolerance:g} {tolerance_unit(metric)}".rstrip()
    text = f"{label(metric)}, {where}: {values}{change_text(difference)} (tolerance {tolerance}"
    return f"{text})" if difference.interval is None else f"{text}; {difference.interval})"


def change_text(difference: Difference) -> str:
    """By how much the number rose or fell, such as ``-0.12 dB``."""
    metric = difference.metric
    higher = metric in METRICS and METRICS[metric].higher_is_better
    change = -difference.worse_by if higher else difference.worse_by
    return f"{change:+.4g} {tolerance_unit(metric)}".rstrip()


def label(metric: str) -> str:
    """What people call a number that is compared: a metric, or BD-rate, by another than PSNR."""
    _, _, axis = metric.partition(":")
    if axis:
        return f"BD-rate by {label(axis)}"
    return METRICS[metric].label if metric in METRICS else "BD-rate"


def tolerance_unit(metric: str) -> str:
    """Of its tolerance and its changes; "" where they are plain numbers."""
    return METRICS[metric].tolerance_unit if metric in METRICS else "%"


def comparison_text(comparison: Comparison, command: str) -> str:
    """A failed comparison, the worst difference first, with the command to look closer."""
    lines = [f"{comparison.subject}: {comparison.verdict.value}"]
    if comparison.reason:
        lines[0] += f": {comparison.reason}"
    numbers = [difference_text(difference) for difference in comparison.regressions]
    lines += [f"  {line}" for line in shortened(numbers, _SHOWN)]
    if numbers:
        lines.append(f"  look closer: {command}")
    return "\n".join(lines)


def moved(before: Measurement | None, after: Measurement | None) -> tuple[str, ...]:
    """The means of `HEADLINES`, each such as ``0.5000 → 0.4900``; "–" where there is none."""
    sides = [side for side in (before, after) if side is not None]
    return tuple(
        " → ".join(metric.text(side.mean(metric.name)) for side in sides) or NONE
        for metric in HEADLINES
    )


def worst(comparison: Comparison) -> str:
    """The difference that made the verdict, in words; the reason where none did."""
    made_it = next(iter(comparison.differences), None)
    return comparison.reason if made_it is None else difference_text(made_it)


def counted(kinds: Iterable[Ranked]) -> list[str]:
    """How many there are of each, such as ``3 regressed``, the worst first."""
    counts = Counter(kinds)
    worst_first = sorted(counts, key=lambda kind: -kind.rank)
    return [f"{counts[kind]} {kind}" for kind in worst_first]


def bd_rate_in(comparison: Comparison) -> float | None:
    """The BD-rate of a curve, in percent; None where there is none."""
    rates = (one.measured for one in comparison.differences if one.metric == "bd_rate")
    return next(rates, None)


def by_metric(anchor: AnchorResult) -> dict[str, float | None]:
    """BD-rates against an anchor by other metrics than PSNR: what by → percent, None for none.

    Where all metrics of common test conditions are among them, their mean is the last.
    """
    rates = {f"by {METRICS[name].label}": rate for name, rate in anchor.by_metric.items()}
    for group, names in GROUPS.items():
        if set(names) <= anchor.by_metric.keys():
            known = [rate for name in names if (rate := anchor.by_metric[name]) is not None]
            mean = math.fsum(known) / len(known) if len(known) == len(names) else None
            rates[f"mean of the {len(names)} of {group}"] = mean
    return rates


def percent(value: float | None) -> str:
    """A BD-rate with its sign; a dash where there is none."""
    return NONE if value is None else f"{value:+.2f} %"
