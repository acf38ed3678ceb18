"""What is measured of an image: a metric is one file here, and one line in `METRICS`.

base      what a metric is: its facts, how values compare, and how they are shown
bpp       bits per pixel of the whole bitstream
psnr      PSNR over RGB
ms_ssim   MS-SSIM over RGB, computed fast; its dB
lpips     LPIPS by the package lpips; its options and the weights of its network

Quality is computed on 8-bit RGB pixels, the only form in which a reconstruction leaves a codec.
Nothing elsewhere knows a metric by its name, but for what is defined for one: BD-rate and
published curves have PSNR and MS-SSIM.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from pytest_lic.errors import UnavailableError, UnknownNameError
from pytest_lic.measuring.metrics.base import Metric
from pytest_lic.measuring.metrics.bpp import BitsPerPixel
from pytest_lic.measuring.metrics.lpips import LPIPS
from pytest_lic.measuring.metrics.ms_ssim import MSSSIM
from pytest_lic.measuring.metrics.psnr import PSNR

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "HEADLINES",
    "METRICS",
    "QUALITIES",
    "Metric",
    "metric_fingerprint",
    "metric_named",
    "quality_metrics",
]

METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        metric.name: metric
        for metric in (
            BitsPerPixel(),
            PSNR(),
            MSSSIM(),
            LPIPS(),
        )
    }
)
"""Name → metric, as its options have it by default; in the order in which they are reported."""

QUALITIES: Mapping[str, Metric] = MappingProxyType(
    {name: metric for name, metric in METRICS.items() if metric.of_stream(1, 1) is None}
)
"""Those that are computed from pixels, and stored; the others follow from the bitstream."""

HEADLINES = tuple(metric for metric in METRICS.values() if metric.in_headlines)
"""Those that one line about a measurement names."""


def metric_named(name: str, where: str) -> Metric:
    """The metric; ``where`` says in an error where the name was given.

    Raises:
        UnknownNameError: no metric has that name.
    """
    if name not in METRICS:
        raise UnknownNameError("metric", name, METRICS, where)
    return METRICS[name]


def quality_metrics(
    original: NDArray[np.uint8], reconstruction: NDArray[np.uint8], metrics: Iterable[Metric]
) -> tuple[dict[str, float], dict[str, str]]:
    """The metrics of one image, and the reasons for those that can't be computed.

    Args:
        original: uint8 (H, W, 3), RGB.
        reconstruction: the same shape.
        metrics: those that pixels don't tell are passed over.

    Returns:
        Name → value as stored, and name → reason. Each metric that pixels tell is in one of them.

    Raises:
        WeightsError: a metric's weights file can't be used.
        ValueError: images of different shapes.
    """
    values: dict[str, float] = {}
    unavailable: dict[str, str] = {}
    for metric in metrics:
        try:
            value = metric.compute(original, reconstruction)
        except UnavailableError as reason:
            unavailable[metric.name] = str(reason)
        else:
            if value is not None:
                values[metric.name] = round(value, metric.stored_decimals)
    return values, unavailable


def metric_fingerprint(metrics: Iterable[Metric]) -> str:
    """A text that changes whenever the same pixels could give other values.

    Raises:
        WeightsError: a metric's weights file can't be read.
    """
    return " ".join(sorted({metric.fingerprint() for metric in metrics}))
