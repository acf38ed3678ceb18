"""The images of a run that regressed most, which are worth a crop."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable

from pytest_lic.baselines.comparison import Verdict
from pytest_lic.measuring.measure import Measurement
from pytest_lic.results.results import PointResult

MOST = 10
"""Crops of one run: a page of them stays far below 10 MB."""

_OF_A_CELL = 3


def worst_images(points: Iterable[PointResult]) -> list[tuple[PointResult, Measurement, str]]:
    """The worst image of each cell, the worst cell first; then the second worst of each, …"""
    regressed = heapq.nlargest(
        MOST,  # each has a worst image
        (
            (point, point.measured)
            for point in points
            if point.comparison.verdict is Verdict.REGRESSED and point.measured is not None
        ),
        key=lambda pair: pair[0].comparison.differences[0].severity,
    )
    ranked = [
        (rank, cell, point, measured, name)
        for cell, (point, measured) in enumerate(regressed)
        for rank, name in enumerate(_of_cell(point, measured)[:_OF_A_CELL])
    ]
    ranked.sort(key=lambda crop: crop[:2])
    return [(point, measured, name) for _, _, point, measured, name in ranked[:MOST]]


def _of_cell(point: PointResult, measured: Measurement) -> list[str]:
    """Those that are worse by more than the tolerance; or the one that lost most in PSNR."""
    names = [
        difference.image
        for difference in point.comparison.differences
        if difference.regressed and difference.image is not None
    ]
    if names:
        return [name for name in dict.fromkeys(names) if name in measured.images]
    before = point.baseline.images if point.baseline is not None else {}

    def gain(name: str) -> float:
        new = measured.images[name].gated("psnr")
        old = before[name].gated("psnr") if name in before else None
        if old is None or new is None or old == new:
            return 0.0
        return new - old if math.isfinite(new) else math.inf

    return [min(measured.images, key=gain)]
