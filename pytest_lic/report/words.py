"""Comparisons in words: what regressed, by how much, and how to look closer."""

from __future__ import annotations

from pytest_lic.comparison import Comparison, Difference
from pytest_lic.metrics import METRICS

_UNITS = {"bpp": "%", "psnr": "dB", "ms_ssim": "dB", "lpips": "", "bd_rate": "%"}
_LABELS = {
    "bpp": "bpp",
    "psnr": "PSNR",
    "ms_ssim": "MS-SSIM",
    "lpips": "LPIPS",
    "bd_rate": "BD-rate",
}
_SHOWN = 8


def difference_text(difference: Difference) -> str:
    """One line: metric, image, baseline, measured, change and tolerance."""
    metric = difference.metric
    unit = f" {_UNITS[metric]}" if _UNITS[metric] else ""
    where = "mean" if difference.image is None else f"image {difference.image}"
    higher = metric in METRICS and METRICS[metric].higher_is_better
    change = -difference.worse_by if higher else difference.worse_by
    values = f"baseline {difference.baseline:.6g}, measured {difference.measured:.6g}, "
    if metric == "bd_rate":
        where, values = "curve", ""
    return (
        f"{_LABELS[metric]}, {where}: {values}{change:+.4g}{unit} "
        f"(tolerance {difference.tolerance:g}{unit})"
    )


def comparison_text(comparison: Comparison, command: str) -> str:
    """A failed comparison, the worst difference first, with the command to look closer."""
    lines = [f"{comparison.subject}: {comparison.verdict.value}"]
    if comparison.reason:
        lines[0] += f": {comparison.reason}"
    regressed = [difference for difference in comparison.differences if difference.regressed]
    lines += [f"  {difference_text(difference)}" for difference in regressed[:_SHOWN]]
    if len(regressed) > _SHOWN:
        lines.append(f"  … and {len(regressed) - _SHOWN} more")
    if regressed:
        lines.append(f"  look closer: {command}")
    return "\n".join(lines)
