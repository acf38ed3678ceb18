"""What looks wrong in measurements that are recorded as baselines: said once, and recorded."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from statistics import median

import numpy as np
from numpy.typing import NDArray

from pytest_lic.baselines.entries import BaselineKey
from pytest_lic.baselines.plausible import too_good
from pytest_lic.errors import LicError
from pytest_lic.images.corpus import Corpus
from pytest_lic.measuring import coding
from pytest_lic.measuring.grid import Curve
from pytest_lic.measuring.measure import Measurement
from pytest_lic.measuring.metrics.psnr import psnr
from pytest_lic.measuring.rate_distortion import CURVE_METRICS, RDCurve
from pytest_lic.project import family_calls
from pytest_lic.run.run import Run

ANCHOR = "jpeg"
BELOW = 10.0
"""dB that an image may lie below the median of its corpus."""
LEAST_SPAN = 1.0
"""dB of PSNR that lie between the qualities of a codec that has several."""


def doubts(run: Run, recorded: Sequence[Measurement]) -> Iterator[str]:
    """A line for each thing that looks wrong.

    Args:
        run: that has measured them.
        recorded: what is recorded.
    """
    for measurement in recorded:
        yield from _odd_ones_out(measurement)
        yield from _colour_alone(measurement, run.setup.corpus(measurement.cell))
        before = run.baselines.find(measurement.cell.family, BaselineKey.of(measurement))
        gain = None if before is None else too_good(measurement, before)
        if gain is not None:
            yield f"{measurement.cell.id}: {gain}"
    changed = {(m.cell.family, m.cell.setting) for m in recorded}
    for curve in run.setup.grid.curves:
        if (curve.family, curve.setting) in changed:
            yield from _of_curve(run, curve)


def _odd_ones_out(measurement: Measurement) -> Iterator[str]:
    """Images that come back far worse than the others."""
    psnr = {name: image.value("psnr") for name, image in measurement.images.items()}
    known = {name: value for name, value in psnr.items() if value is not None}
    if len(known) < 3:
        return
    middle = median(known.values())
    for name, value in known.items():
        if value < middle - BELOW:
            yield (
                f"{measurement.cell.id}: {name} comes back with {value:.2f} dB, half of the images "
                f"with over {middle:.2f} dB"
            )


def _colour_alone(measurement: Measurement, corpus: Corpus) -> Iterator[str]:
    """Images that come back no better than filled with their mean colour."""
    gains = []
    for image in corpus.images:
        colour = image.pixels.mean((0, 1)).round().astype(np.uint8)
        filled = psnr(image.pixels, np.broadcast_to(colour, image.pixels.shape))
        back = measurement.images[image.name].gated("psnr")
        if back is not None and math.isfinite(filled):
            gains.append(back - filled)
    if gains and max(gains) <= 0.5:
        yield (
            f"{measurement.cell.id}: no image comes back better than filled with its mean colour, "
            "as where a network was not trained, or its latents collapsed"
        )


def _of_curve(run: Run, curve: Curve) -> Iterator[str]:
    try:
        measured = run.curves.measured(curve)
    except LicError:  # a point that could not be measured has failed its own test
        return
    for metric in CURVE_METRICS:
        bend = measured.non_monotone(metric)
        if bend is not None:
            yield f"{curve.id}: {bend}"
            break
    finite = [value for value in measured.psnr if math.isfinite(value)]
    if len(finite) > 1 and max(finite) - min(finite) < LEAST_SPAN:
        yield (
            f"{curve.id}: from the lowest PSNR of a quality to the highest are "
            f"{max(finite) - min(finite):.2f} dB: the qualities hardly differ"
        )
    if curve.family == ANCHOR or ANCHOR not in run.setup.families.by_name:
        return
    if _is_below(measured, *_coarse_curve(run, curve)):
        yield f"{curve.id}: worse than {ANCHOR} by PSNR at every rate"


def _coarse_curve(run: Run, curve: Curve) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rates in bpp, rising, and PSNR of the anchor: enough to tell better from worse."""
    family, corpus = run.setup.families[ANCHOR], run.setup.corpus(curve)
    points = []
    for label in family.qualities:
        codec = family_calls.build(family, label, "cpu")
        bpp, quality = [], []
        for image in corpus.images:
            (bitstream,) = coding.encode(codec, [image], "cpu")
            (decoded,) = coding.decode(codec, [bitstream], [image])
            bpp.append(8 * len(bitstream) / (image.height * image.width))
            quality.append(min(psnr(image.pixels, decoded), 100.0))
        points.append((np.mean(bpp), np.mean(quality)))
    rates, values = np.array(sorted(points)).T
    return rates, values


def _is_below(measured: RDCurve, rates: NDArray[np.float64], values: NDArray[np.float64]) -> bool:
    """Whether the anchor gives more PSNR at every point's rate, or at a lower one."""
    known = [
        (bpp, value)
        for bpp, value in zip(measured.bpp, measured.psnr, strict=True)
        if bpp >= rates[0]
    ]
    return bool(known) and all(
        value < np.interp(np.log(bpp), np.log(rates), values) for bpp, value in known
    )
