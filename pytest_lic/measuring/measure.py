"""A cell's measurement: every image of a corpus coded, its rate and its quality.

A measurement is pure given the codec's fingerprint, the image bytes and the environment. Rates
count the bytes of the bitstreams; quality is computed on the 8-bit reconstruction.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pytest_lic.codec import Codec
from pytest_lic.container import payload_size
from pytest_lic.images.corpus import Corpus, batches
from pytest_lic.measuring import coding
from pytest_lic.measuring.grid import Cell
from pytest_lic.measuring.metrics import DEFAULTS, METRICS, Metric, quality_metrics
from pytest_lic.measuring.metrics.base import NONE
from pytest_lic.measuring.rate_distortion import RDCurve
from pytest_lic.system.environment import Environment, environment


@dataclass(frozen=True)
class ImageResult:
    """Rate and quality of one image.

    ``bytes`` is the whole bitstream, ``payload`` its part without headers (None where the codec's
    layout is its own). ``metrics`` holds the value of each quality metric; ``unavailable`` the
    reason for each that could not be computed. ``bitstream`` and ``reconstruction`` are digests.
    """

    height: int
    width: int
    bytes: int
    payload: int | None
    metrics: Mapping[str, float]
    unavailable: Mapping[str, str]
    lossless: bool
    bitstream: str
    reconstruction: str

    @property
    def bits(self) -> tuple[str, str]:
        """Both digests: the same where a codec does the same to the bit."""
        return self.bitstream, self.reconstruction

    def value(self, metric: str) -> float | None:
        """One metric of this image, computed or of its bitstream; None where unavailable."""
        if metric in self.metrics:
            return self.metrics[metric]
        return METRICS[metric].of_stream(self.bytes, self.height * self.width)

    def gated(self, metric: str) -> float | None:
        """`value`, but for a lossless image the metric's `lossless`, such as infinite PSNR."""
        lossless = METRICS[metric].lossless
        return lossless if self.lossless and lossless is not None else self.value(metric)


@dataclass(frozen=True)
class Measurement:
    """The results of one cell, per image in corpus order, with their circumstances.

    ``variants`` has the variant of each metric that has some: numbers of two can't be compared.
    """

    cell: Cell
    corpus_digest: str
    lmbda: int | float | None  # an int stays one on its way from a worker
    environment: Environment
    images: Mapping[str, ImageResult]
    left_out: tuple[str, ...] = ()
    variants: Mapping[str, str] = field(default_factory=dict)

    def values(self, metric: str) -> list[float]:
        """One metric of every image that has it."""
        values = (image.value(metric) for image in self.images.values())
        return [value for value in values if value is not None]

    def mean(self, metric: str) -> float | None:
        """The metric's average as the field defines it; None unless every image has it."""
        values = [image.value(metric) for image in self.images.values()]
        known = [value for value in values if value is not None]
        return METRICS[metric].average(known) if len(known) == len(values) else None

    def shown(self, metric: str) -> float | None:
        """The mean as tables have it; None where it is missing, or infinite."""
        mean = self.mean(metric)
        shown = math.inf if mean is None else METRICS[metric].shown(mean)
        return shown if math.isfinite(shown) else None

    def unavailable(self) -> dict[str, str]:
        """Metric → why it is missing, from the first image that lacks it."""
        reasons: dict[str, str] = {}
        for name, image in self.images.items():
            for metric, reason in image.unavailable.items():
                reasons.setdefault(metric, f"{name}: {reason}")
        return reasons

    @property
    def payload_text(self) -> str:
        """Payload bytes over all bytes, in percent; a dash where the codec's layout is its own."""
        payloads = [image.payload for image in self.images.values() if image.payload is not None]
        if len(payloads) < len(self.images):
            return NONE
        total = sum(image.bytes for image in self.images.values())
        return f"{100 * (sum(payloads) / total):.1f} %"


def reported_metrics(measurements: Iterable[Measurement | None]) -> list[Metric]:
    """The metrics of which a report has a column: those that were asked for."""
    there: set[str] = set()
    for measurement in measurements:
        for image in () if measurement is None else measurement.images.values():
            there |= image.metrics.keys() | image.unavailable.keys()
    there = there or {metric.name for metric in DEFAULTS}
    return [metric for name, metric in METRICS.items() if name in there or not metric.of_pixels]


def measure(
    codec: Codec,
    cell: Cell,
    corpus: Corpus,
    *,
    lmbda: float | None,
    metrics: Sequence[Metric],
    threads: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
    keep: Callable[[NDArray[np.uint8]], None] = lambda pixels: None,
) -> Measurement:
    """Code ``corpus`` in batches of ``cell.setting.batch`` and measure each image.

    Args:
        codec: the operating point that ``cell`` names.
        cell: where the numbers belong.
        corpus: the images, already at the cell's resolution.
        lmbda: the quality's λ, if it has one.
        metrics: those to compute of pixels.
        threads: CPU threads of torch.
        progress: called with the number of images done and their total.
        keep: called with each reconstruction, 8-bit RGB, (H, W, 3).

    Raises:
        CodecError: the codec broke its protocol on some image.
        MetricError: a metric failed on some image.
    """
    results: dict[str, ImageResult] = {}
    device = cell.setting.device
    with coding.cpu_threads(threads):
        for group in batches(corpus, cell.setting.batch):
            bitstreams = coding.encode(codec, group, device)
            decoded = coding.decode(codec, bitstreams, group)
            for image, bitstream, pixels in zip(group, bitstreams, decoded, strict=True):
                values, unavailable = quality_metrics(image.pixels, pixels, metrics, image.name)
                results[image.name] = ImageResult(
                    height=image.height,
                    width=image.width,
                    bytes=len(bitstream),
                    payload=payload_size(bitstream),
                    metrics=values,
                    unavailable=unavailable,
                    lossless=bool(np.array_equal(image.pixels, pixels)),
                    bitstream=coding.digest(bitstream),
                    reconstruction=coding.digest(pixels),
                )
                keep(pixels)
            progress(len(results), len(corpus.images))
    ordered = {image.name: results[image.name] for image in corpus.images}
    return Measurement(
        cell,
        corpus.digest,
        lmbda,
        environment(device, threads),
        ordered,
        corpus.left_out,
        {
            metric.name: metric.variant
            for metric in metrics
            if metric.variant is not None
            and any(metric.name in image.metrics for image in ordered.values())
        },
    )


def rd_curve(name: str, points: Mapping[str, Measurement]) -> RDCurve:
    """The curve through one measurement per quality, in the order given.

    Raises:
        ValueError: a point without PSNR (a lossless one has none).
    """
    psnr = {quality: point.mean("psnr") for quality, point in points.items()}
    for quality, value in psnr.items():
        if value is None:
            reason = points[quality].unavailable().get("psnr", "not measured")
            raise ValueError(f"{name}: quality {quality} has no PSNR ({reason})")
    return RDCurve(
        name=name,
        bpp=tuple(point.mean("bpp") or 0.0 for point in points.values()),
        psnr=tuple(value for value in psnr.values() if value is not None),
        ms_ssim=tuple(point.mean("ms_ssim") for point in points.values()),
        labels=tuple(points),
        points=tuple(points.values()),
    )
