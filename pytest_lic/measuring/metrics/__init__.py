"""What is measured of an image: a metric is one file here, and one line in `BUILT_IN`.

base         what a metric is: its facts, how values compare, and how they are shown
bpp          bits per pixel of the whole bitstream
psnr         PSNR over RGB
ms_ssim      MS-SSIM over RGB, computed fast; its dB
lpips        LPIPS by the package lpips; its options and the weights of its network
ms_ssim_y    MS-SSIM of BT.709 luma
nlpd         NLPD in JPEG AI's variant
of_piq       VIF, FSIM, IW-SSIM, GMSD, MDSI, HaarPSI and VSI by the package piq
vmaf         VMAF by the libvmaf of imageio-ffmpeg
psnr_hvs     PSNR-HVS, written from the paper
psnr_ycbcr   PSNR of BT.709 luma, and of luma and chroma
ssimulacra2  SSIMULACRA 2 by libjxl's command, or approximately by a package
cvvdp        ColorVideoVDP by the package of its authors
dists        DISTS by the package of its authors
flip         FLIP by the package of its authors
borrowed     what metrics share that other packages compute
ycbcr        luma and chroma as JPEG AI measures them
trial        a metric tried on a made image: can it be computed here, which way, how fast

Quality is computed on 8-bit RGB pixels, the only form in which a reconstruction leaves a codec.
Nothing elsewhere knows a metric by its name, but for what is defined for one: BD-rate and
published curves have PSNR and MS-SSIM.
"""

from __future__ import annotations

import math
from collections import ChainMap
from collections.abc import Iterable, Mapping
from numbers import Real
from typing import TYPE_CHECKING

from pytest_lic.errors import LicError, MetricError, UnavailableError, UnknownNameError, is_crash
from pytest_lic.measuring.metrics.base import Metric
from pytest_lic.measuring.metrics.bpp import BitsPerPixel
from pytest_lic.measuring.metrics.cvvdp import ColorVideoVDP
from pytest_lic.measuring.metrics.dists import DISTS
from pytest_lic.measuring.metrics.flip import FLIP
from pytest_lic.measuring.metrics.lpips import LPIPS
from pytest_lic.measuring.metrics.ms_ssim import MSSSIM
from pytest_lic.measuring.metrics.ms_ssim_y import MSSSIMOfLuma
from pytest_lic.measuring.metrics.nlpd import NLPD
from pytest_lic.measuring.metrics.of_piq import FSIM, GMSD, IWSSIM, MDSI, VIF, VSI, HaarPSI
from pytest_lic.measuring.metrics.psnr import PSNR
from pytest_lic.measuring.metrics.psnr_hvs import PSNRHVS
from pytest_lic.measuring.metrics.psnr_ycbcr import PSNROfLuma, PSNROfYCbCr
from pytest_lic.measuring.metrics.ssimulacra2 import SSIMULACRA2
from pytest_lic.measuring.metrics.vmaf import VMAF

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "BUILT_IN",
    "DEFAULTS",
    "GROUPS",
    "HEADLINES",
    "METRICS",
    "Metric",
    "add_described",
    "metric_fingerprint",
    "metric_named",
    "metrics_named",
    "quality_metrics",
    "set_registered",
]

BUILT_IN: tuple[Metric, ...] = (
    BitsPerPixel(),
    PSNR(),
    MSSSIM(),
    LPIPS(),
    MSSSIMOfLuma(),
    VIF(),
    FSIM(),
    NLPD(),
    IWSSIM(),
    VMAF(),
    PSNRHVS(),
    PSNROfLuma(),
    PSNROfYCbCr(),
    SSIMULACRA2(),
    ColorVideoVDP(),
    DISTS(),
    FLIP(),
    GMSD(),
    MDSI(),
    HaarPSI(),
    VSI(),
)
"""Those that come with the plugin, as their options have them by default."""

DEFAULTS = tuple(metric for metric in BUILT_IN if metric.by_default)
"""Those that are computed from pixels unless a run asks for others."""

HEADLINES = tuple(metric for metric in BUILT_IN if metric.in_headlines)
"""Those that one line about a measurement names."""

GROUPS: Mapping[str, tuple[str, ...]] = {
    "jpeg-ai": ("ms_ssim_y", "vif", "fsim", "nlpd", "iw_ssim", "vmaf", "psnr_hvs"),
}
"""Name → the metrics for which it stands: JPEG AI's are those of its common test conditions."""

_registered: dict[str, Metric] = {}
_described: dict[str, Metric] = {}
METRICS: Mapping[str, Metric] = ChainMap(
    _registered, _described, {metric.name: metric for metric in BUILT_IN}
)
"""Name → metric, all that are known now; in the order in which they are reported."""


def set_registered(metrics: Iterable[Metric]) -> None:
    """Have `METRICS` know those of the project, in place of those of another one."""
    _registered.clear()
    _registered.update((metric.name, metric) for metric in metrics)


def add_described(metrics: Iterable[Metric]) -> None:
    """Have `METRICS` know those that a file describes, where it knows none of their names."""
    _described.update((metric.name, metric) for metric in metrics if metric.name not in METRICS)


def metric_named(name: str, where: str) -> Metric:
    """The metric; ``where`` says in an error where the name was given.

    Raises:
        UnknownNameError: no metric has that name.
    """
    if name not in METRICS:
        raise UnknownNameError("metric", name, METRICS, where)
    return METRICS[name]


def metrics_named(name: str, where: str) -> tuple[Metric, ...]:
    """The metric, or those of the group; ``where`` says in an error where the name was given.

    Raises:
        UnknownNameError: no metric and no group has that name.
    """
    if name not in METRICS and name not in GROUPS:
        raise UnknownNameError("metric", name, (*METRICS, *GROUPS), where)
    return tuple(METRICS[each] for each in GROUPS.get(name, (name,)))


def quality_metrics(
    original: NDArray[np.uint8],
    reconstruction: NDArray[np.uint8],
    metrics: Iterable[Metric],
    image: str = "an image",
) -> tuple[dict[str, float], dict[str, str]]:
    """The metrics of one image, and the reasons for those that can't be computed.

    Args:
        original: uint8 (H, W, 3), RGB.
        reconstruction: the same shape.
        metrics: those that pixels don't tell are passed over.
        image: its name, for errors.

    Returns:
        Name → value as stored, and name → reason. Each metric that pixels tell is in one of them.

    Raises:
        MetricError: a metric failed, or its value is no finite number.
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
            continue
        except LicError:
            raise
        except BaseException as error:
            if not is_crash(error):
                raise
            raise MetricError(
                f"metric {metric.name} failed on {image}: {type(error).__name__}: {error}"
            ) from error
        if value is None and not metric.of_pixels:
            continue
        if not isinstance(value, Real) or not math.isfinite(value):
            raise MetricError(
                f"metric {metric.name} gave {value!r} for {image}; expected a finite number, or "
                "UnavailableError with the reason for none"
            )
        values[metric.name] = round(float(value), metric.stored_decimals)
    return values, unavailable


def metric_fingerprint(metrics: Iterable[Metric]) -> str:
    """A text that changes whenever the same pixels could give other values.

    Raises:
        WeightsError: a metric's weights file can't be read.
    """
    return " ".join(sorted({metric.fingerprint() for metric in metrics}))
