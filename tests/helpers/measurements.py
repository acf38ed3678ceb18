"""Made-up measurements, for tests of what is done with measurements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pytest_lic.baselines.entries import BaselineKey
from pytest_lic.measuring.grid import Cell, Setting
from pytest_lic.measuring.measure import ImageResult, Measurement
from pytest_lic.system.environment import Environment

HERE = Environment("3.11.7", "Linux", "a processor", "abc", "cpu", 1, {"torch": "2.6"}, {})
ELSEWHERE = Environment("3.12.1", "Linux", "another", "def", "cpu", 1, {"torch": "2.7"}, {})


def image(
    *,
    side: int = 100,
    size: int = 10_000,
    psnr: float | None = 35.0,
    ms_ssim: float | None = 0.98,
    lpips: float | None = None,
    bits: str = "a",
) -> ImageResult:
    """One image's result; ``psnr`` None is a lossless one, ``bits`` stands for its digests."""
    values = {"psnr": psnr, "ms_ssim": ms_ssim, "lpips": lpips}
    reasons = {"psnr": "lossless", "ms_ssim": "under 161 px", "lpips": "no weights"}
    return ImageResult(
        height=side,
        width=side,
        bytes=size,
        payload=size - 20,
        metrics={name: value for name, value in values.items() if value is not None},
        unavailable={name: reasons[name] for name, value in values.items() if value is None},
        lossless=psnr is None,
        bitstream=f"stream-{bits}",
        reconstruction=f"pixels-{bits}",
    )


def measurement(
    images: Mapping[str, ImageResult] | None = None,
    *,
    family: str = "toy",
    quality: str = "1",
    corpus: str = "photos",
    digest: str = "d1",
    resolution: str = "native",
    batch: int = 1,
    device: str = "cpu",
    lmbda: float | None = 0.01,
    environment: Environment = HERE,
    left_out: tuple[str, ...] = (),
) -> Measurement:
    """A measurement of two images, or of these."""
    cell = Cell(family, quality, Setting(corpus, resolution, batch, device))
    if images is None:
        images = {"one.png": image(), "two.png": image(size=12_000, psnr=33.0)}
    return Measurement(cell, digest, lmbda, environment, images, left_out)


def of(*measurements: Measurement) -> dict[BaselineKey, Measurement]:
    """These by their keys."""
    return {BaselineKey.of(baseline): baseline for baseline in measurements}


def as_stored(found: Measurement) -> Measurement:
    """Without the reasons, which are of the machine and not stored."""
    images = {name: replace(result, unavailable={}) for name, result in found.images.items()}
    return replace(found, images=images)
