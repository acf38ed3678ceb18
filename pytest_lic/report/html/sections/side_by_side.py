"""Crops that were asked for, one place of an image as each codec decodes it, by rising rate."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from pytest_lic.report.html.content import Content
from pytest_lic.report.html.sections.failures import address
from pytest_lic.report.words import label
from pytest_lic.results.crop import Crop
from pytest_lic.results.results import Results


def side_by_side(content: Content) -> dict[str, Any] | None:
    """The section."""
    shown = [
        (run, image, [(crop, _caption(crop, results)) for crop in crops])
        for run, results in content.runs.items()
        for image, crops in groupby(
            (crop for crop in results.crops if crop.asked), key=lambda crop: crop.image
        )
    ]
    return {"shown": shown, "address": address} if shown else None


def _caption(crop: Crop, results: Results) -> str:
    """The cell, with the rate and quality of the whole image."""
    measured = next(
        (point.measured for point in results.points if point.comparison.subject == crop.subject),
        None,
    )
    if measured is None or crop.image not in measured.images:
        return crop.subject
    image = measured.images[crop.image]
    told = [f"{8 * image.bytes / (image.height * image.width):.4f} bpp"]
    told += [f"{label(metric)} {value:.4g}" for metric, value in image.metrics.items()]
    return f"{crop.subject}: {', '.join(told)}"
