"""Gains that are too good to be true: fewer bits, or more quality, than a better codec brings."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pytest_lic.measuring.measure import ImageResult, Measurement
from pytest_lic.measuring.metrics import METRICS

FEWER = 4.0
"""Times fewer bytes at no loss of PSNR. Decades of codecs lie between JPEG and the best."""
BETTER = 12.0
"""dB more for no more bytes; that is four times the bytes for most codecs."""
_NO_LOSS = 0.1  # dB


@dataclass(frozen=True)
class _Gain:
    image: str
    bytes: tuple[int, int]
    psnr: tuple[float, float]

    @property
    def is_implausible(self) -> bool:
        (old, new), (before, after) = self.bytes, self.psnr
        fewer = new * FEWER < old and after > before - _NO_LOSS
        return fewer or (after > before + BETTER and new <= old)


def too_good(measured: Measurement, baseline: Measurement) -> str | None:
    """A sentence on images that got better than a change of the codec explains, else None."""
    gains = [
        _Gain(
            name,
            (baseline.images[name].bytes, image.bytes),
            (_psnr(baseline.images[name]), _psnr(image)),
        )
        for name, image in measured.images.items()
        if name in baseline.images
    ]
    implausible = [gain for gain in gains if gain.is_implausible]
    if not implausible:
        return None
    most = min(implausible, key=lambda gain: gain.bytes[1] / gain.bytes[0])
    (old, new), (before, after) = most.bytes, most.psnr
    text = METRICS["psnr"].text
    return (
        f"too good to be true on {len(implausible)} of {len(gains)} images: {most.image} took "
        f"{old} bytes for {text(before)} dB, and now {new} bytes for {text(after)} dB; look "
        "whether the decoder has the image from elsewhere than its bitstream"
    )


def _psnr(image: ImageResult) -> float:
    value = image.gated("psnr")
    return -math.inf if value is None else value
