"""What is measured of an image, in which unit, and which way is better.

Rate is counted in the bytes of the bitstream. Quality is computed on 8-bit RGB pixels, the only
form in which a reconstruction leaves a codec. Importing this loads neither torch nor numpy.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from pytest_lic.errors import UnavailableError, UnknownNameError
from pytest_lic.measuring import ms_ssim as _structure
from pytest_lic.measuring.lpips_distance import LPIPSOptions, lpips_distance, weights_digest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "METRICS",
    "LPIPSOptions",
    "Metric",
    "average",
    "metric_fingerprint",
    "ms_ssim",
    "psnr",
    "quality_metrics",
    "to_db",
]

ms_ssim = _structure.ms_ssim


@dataclass(frozen=True)
class Metric:
    """What a metric's numbers mean.

    ``unit`` is that of tolerances and tables. ``digits`` are the decimals worth printing.
    ``definition`` is a number that changes when the same pixels would give other values.
    """

    name: str
    label: str
    unit: str
    higher_is_better: bool
    digits: int
    definition: int = 1


METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        metric.name: metric
        for metric in (
            Metric("bpp", "bpp", "bit/px", higher_is_better=False, digits=4),
            Metric("psnr", "PSNR", "dB", higher_is_better=True, digits=3),
            # Kept as the linear value, which is what may be averaged; `to_db` for the rest.
            Metric("ms_ssim", "MS-SSIM", "dB", higher_is_better=True, digits=6),
            Metric("lpips", "LPIPS", "", higher_is_better=False, digits=4),
        )
    }
)


def quality_metrics(
    original: NDArray[np.uint8],
    reconstruction: NDArray[np.uint8],
    names: Sequence[str],
    lpips: LPIPSOptions | None = None,
) -> tuple[dict[str, float], dict[str, str]]:
    """The metrics of one image, and the reasons for those that can't be computed.

    Args:
        original: uint8 (H, W, 3), RGB.
        reconstruction: the same shape.
        names: keys of `METRICS`; bpp, which pixels don't tell, is passed over.
        lpips: which LPIPS; None means VGG without weights, hence unavailable.

    Returns:
        Metric → value (PSNR in dB, MS-SSIM linear), and metric → reason. Each name but bpp is in
        one of them.

    Raises:
        UnknownNameError: a name that is no metric.
        WeightsError: the LPIPS weights file can't be used.
        ValueError: images of different shapes.
    """
    values: dict[str, float] = {}
    unavailable: dict[str, str] = {}
    for name in names:
        if name not in METRICS:
            raise UnknownNameError("metric", name, METRICS, "metrics")
        if name == "bpp":
            continue
        try:
            values[name] = _value(name, original, reconstruction, lpips or LPIPSOptions())
        except UnavailableError as reason:
            unavailable[name] = str(reason)
    return values, unavailable


def psnr(original: NDArray[np.uint8], reconstruction: NDArray[np.uint8]) -> float:
    """10 log10(255² / MSE) in dB, the MSE over all samples of two 8-bit images; inf when equal."""
    import numpy as np

    if original.shape != reconstruction.shape:
        raise ValueError(f"images of shapes {original.shape} and {reconstruction.shape}")
    difference = np.subtract(original, reconstruction, dtype=np.int32)
    squares = int(np.sum(np.square(difference), dtype=np.int64))
    return 10 * math.log10(255**2 * original.size / squares) if squares else math.inf


def to_db(ms_ssim: float) -> float | None:
    """Linear MS-SSIM → −10 log10(1 − MS-SSIM) in dB; None where that is infinite."""
    return -10 * math.log10(1 - ms_ssim) if ms_ssim < 1 else None


def average(name: str, values: Sequence[float]) -> float:
    """The mean over a corpus as the field defines it.

    Of bpp per image, PSNR in dB per image, linear MS-SSIM per image (`to_db` comes after), LPIPS
    per image. No metric is averaged otherwise; ``name`` is checked, so that none slips in unasked.

    Raises:
        UnknownNameError: ``name`` is no metric.
        ValueError: no values.
    """
    if name not in METRICS:
        raise UnknownNameError("metric", name, METRICS, "average")
    if not values:
        raise ValueError(f"no values of {name} to average")
    return math.fsum(values) / len(values)


def metric_fingerprint(names: Sequence[str], lpips: LPIPSOptions | None = None) -> str:
    """A text that changes whenever the same pixels could give other values.

    Raises:
        UnknownNameError: a name that is no metric.
        WeightsError: the LPIPS weights file can't be read.
    """
    parts = []
    for name in sorted(set(names)):
        if name not in METRICS:
            raise UnknownNameError("metric", name, METRICS, "metrics")
        part = f"{name}:{METRICS[name].definition}"
        if name == "lpips":
            options = lpips or LPIPSOptions()
            part += f":{options.net}:{weights_digest(options)}"
        parts.append(part)
    return " ".join(parts)


def _value(
    name: str,
    original: NDArray[np.uint8],
    reconstruction: NDArray[np.uint8],
    lpips: LPIPSOptions,
) -> float:
    if name == "lpips":
        return lpips_distance(original, reconstruction, lpips)
    if name == "ms_ssim":
        height, width = original.shape[:2]
        least = _structure.SMALLEST_SIDE
        if min(height, width) < least:
            raise UnavailableError(
                f"image of {width}×{height} pixels; MS-SSIM needs {least} on each side"
            )
        return ms_ssim(original, reconstruction)
    value = psnr(original, reconstruction)
    if math.isinf(value):
        raise UnavailableError("lossless: PSNR is infinite")
    return value
