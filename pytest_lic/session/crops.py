"""Cuts crops of what regressed, and of what was asked for: codes those images once more at the end.

A measurement holds digests of reconstructions and no pixels, and one from the cache was not coded
in this run at all. What the baseline decoded to stands beside it, if it was decoded here once.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import TYPE_CHECKING

from pytest_lic.errors import LicError
from pytest_lic.images.corpus import Image, batches
from pytest_lic.measuring import coding
from pytest_lic.measuring.measure import Measurement
from pytest_lic.measuring.reconstructions import Reconstructions
from pytest_lic.results.crop import Crop, at_place_of, cut
from pytest_lic.results.results import PointResult, Results
from pytest_lic.results.worst_images import worst_images
from pytest_lic.run.codecs import Codecs
from pytest_lic.run.setup import Setup

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ASKED = 24
"""Crops that are asked for, at most, for a page of some megabytes."""

SECONDS = 60.0
"""No image is begun after so much time: a slow codec's crops are not worth an hour."""


def with_crops(
    setup: Setup,
    codecs: Codecs,
    reconstructions: Reconstructions,
    results: Results,
    names: Sequence[str] = (),
) -> Results:
    """``results`` with crops of the worst images, and a remark on each that can't be had.

    Args:
        setup: of the run.
        codecs: of the run.
        reconstructions: what baselines decoded to, as far as it is at hand.
        results: of the run.
        names: of images to be cut too, each where the codec of the lowest rate is worst.
    """
    chosen = worst_images(results.points)
    asked, remarks = _asked(names, results.points)
    crops: list[Crop] = []
    first: dict[tuple[str, str, str], Crop] = {}
    started = time.monotonic()
    for place, (point, measured, name) in enumerate([*chosen, *asked]):
        if time.monotonic() - started > SECONDS:
            left = len(chosen) + len(asked) - place
            remarks.append(f"crops: {left} not cut, the time for them ({SECONDS:g} s) was up")
            break
        where = f"{measured.cell.id}: crop of {name}"
        try:
            original, reconstruction = _coded(setup, codecs, measured, name)
        except LicError as error:
            remarks.append(f"{where}: not cut: {error}")
            continue
        if coding.digest(reconstruction.pixels) != measured.images[name].reconstruction:
            remarks.append(f"{where}: coded once more, it gave other pixels than were measured")
        if place >= len(chosen):
            subject, pixels = measured.cell.id, reconstruction.pixels
            setting = measured.cell.setting
            shown = (name, setting.corpus, str(setting.resolution))
            if shown not in first:
                first[shown] = replace(cut(subject, name, original.pixels, pixels), asked=True)
            crops.append(at_place_of(first[shown], subject, pixels))
            continue
        before = _before(reconstructions, point, name)
        crops.append(cut(measured.cell.id, name, original.pixels, reconstruction.pixels, before))
    return replace(results, crops=tuple(crops), remarks=(*results.remarks, *remarks))


def _asked(
    names: Sequence[str], points: Iterable[PointResult]
) -> tuple[list[tuple[PointResult, Measurement, str]], list[str]]:
    """Every cell that measured an image, the lowest rate first; remarks on images that none did."""
    found: list[tuple[PointResult, Measurement, str]] = []
    remarks = []
    for name in dict.fromkeys(names):
        cells = [
            (point, point.measured, image)
            for point in points
            if point.measured is not None
            for image in point.measured.images
            if name in (image, PurePath(image).stem)
        ]
        if not cells:
            remarks.append(f"--lic-crops {name}: no image of this name was measured")
        found += sorted(cells, key=lambda cell: cell[1].images[cell[2]].bytes)
    if len(found) > ASKED:
        remarks.append(f"--lic-crops: {len(found) - ASKED} not cut, {ASKED} are the most")
    return found[:ASKED], remarks


def _before(
    reconstructions: Reconstructions, point: PointResult, name: str
) -> NDArray[np.uint8] | None:
    """What the baseline's bitstream decoded to, if that is at hand."""
    image = point.baseline.images.get(name) if point.baseline is not None else None
    return None if image is None else reconstructions.find(image.reconstruction)


def _coded(setup: Setup, codecs: Codecs, measured: Measurement, name: str) -> tuple[Image, Image]:
    """An image of a cell and what comes back of it, coded beside the same images as then."""
    cell = measured.cell
    groups = batches(setup.corpus(cell), cell.setting.batch)
    group = next(group for group in groups if any(image.name == name for image in group))
    codec = codecs.codec(cell)
    with coding.cpu_threads(setup.options.threads):
        bitstreams = coding.encode(codec, group, cell.setting.device)
        decoded = coding.decode(codec, bitstreams, group)
    return next(
        (image, Image(name, pixels))
        for image, pixels in zip(group, decoded, strict=True)
        if image.name == name
    )
