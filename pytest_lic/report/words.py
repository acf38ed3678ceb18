"""Comparisons in words: what regressed, by how much, and how to look closer."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_lic.baselines.comparison import Comparison, Difference, Verdict
from pytest_lic.measuring.measure import Measurement
from pytest_lic.measuring.metrics import METRICS
from pytest_lic.system.words import shortened

_PERCENT = ("bpp", "bd_rate")  # what is compared as a ratio
_SHOWN = 8


def difference_text(difference: Difference) -> str:
    """One line: metric, image, baseline, measured, change and tolerance."""
    metric = difference.metric
    unit = "%" if metric in _PERCENT else METRICS[metric].unit
    label = METRICS[metric].label if metric in METRICS else "BD-rate"
    where = "mean" if difference.image is None else f"image {difference.image}"
    higher = metric in METRICS and METRICS[metric].higher_is_better
    change = -difference.worse_by if higher else difference.worse_by
    values = f"baseline {difference.baseline:.6g}, measured {difference.measured:.6g}, "
    if metric == "bd_rate":
        where, values = "curve", ""
    return (
        f"{label}, {where}: {values}{change:+.4g} {unit}".rstrip()
        + f" (tolerance {difference.tolerance:g} {unit}".rstrip()
        + ")"
    )


def comparison_text(comparison: Comparison, command: str) -> str:
    """A failed comparison, the worst difference first, with the command to look closer."""
    lines = [f"{comparison.subject}: {comparison.verdict.value}"]
    if comparison.reason:
        lines[0] += f": {comparison.reason}"
    regressed = [difference for difference in comparison.differences if difference.regressed]
    numbers = [difference_text(difference) for difference in regressed]
    lines += [f"  {line}" for line in shortened(numbers, _SHOWN)]
    if regressed:
        lines.append(f"  look closer: {command}")
    return "\n".join(lines)


def moved(before: Measurement | None, after: Measurement | None) -> tuple[str, str]:
    """Mean bpp and mean PSNR in dB, each such as ``0.5000 → 0.4900``; "–" where there is none."""
    sides = [each for each in (before, after) if each is not None]
    bpp, psnr = (
        " → ".join(_number(side.mean(metric), digits) for side in sides) or "–"
        for metric, digits in (("bpp", 4), ("psnr", 3))
    )
    return bpp, psnr


def worst(comparison: Comparison) -> str:
    """The difference that made the verdict, in words; the reason where none did."""
    made_it = next(iter(comparison.differences), None)
    return comparison.reason if made_it is None else difference_text(made_it)


def counted(verdicts: Iterable[Verdict]) -> list[str]:
    """How many there are of each, such as ``3 regressed``, the worst first."""
    found = list(verdicts)
    return [f"{found.count(each)} {each}" for each in reversed(Verdict) if each in found]


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"
