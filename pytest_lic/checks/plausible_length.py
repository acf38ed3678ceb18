"""Whether a bitstream is long enough to hold its image."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image as Pillow
from PIL import features

from pytest_lic.checks.determinism import CodedBatch
from pytest_lic.images.corpus import Image
from pytest_lic.measuring.metrics.psnr import psnr

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TIMES = 10  # shorter than WebP; the best codecs there are need half or a third of its bytes
_QUALITIES = (5, 20, 40, 60, 75, 85, 95)  # of WebP
_LEAST = 500  # bytes of WebP; below, its header counts
_IMAGES = 2  # looked at, those with the fewest bytes a pixel


def check_plausible_length(coded: Sequence[CodedBatch]) -> str | None:
    """A remark where WebP takes ten times the bytes for an image of no more PSNR, else None."""
    every = [
        each
        for batch in coded
        for each in zip(batch.images, batch.bitstreams, batch.pixels, strict=True)
    ]
    every.sort(key=lambda each: len(each[1]) / each[0].pixels.size)
    for image, bitstream, pixels in every[:_IMAGES]:
        taken = _webp_of_less(image, psnr(image.pixels, pixels), _TIMES * len(bitstream))
        if taken is not None:
            reached = psnr(image.pixels, pixels)
            how = "without loss" if np.array_equal(image.pixels, pixels) else f"{reached:.1f} dB"
            return (
                f"{image.name}: {len(bitstream)} bytes are hard to believe for {how}: WebP takes "
                f"{taken} for less; what else does the decoder know of the image?"
            )
    return None


def _webp_of_less(image: Image, quality: float, length: int) -> int | None:
    """Bytes of a WebP of the image, more than ``length``, that has less PSNR; None without one."""
    if not features.check("webp"):
        return None
    for step in _QUALITIES:
        stream = _webp(image.pixels, step)
        if len(stream) > max(length, _LEAST):
            with Pillow.open(io.BytesIO(stream)) as decoded:
                less = psnr(image.pixels, np.asarray(decoded.convert("RGB"))) < quality
            return len(stream) if less else None
    return None


def _webp(pixels: NDArray[np.uint8], quality: int) -> bytes:
    stream = io.BytesIO()
    Pillow.fromarray(pixels).save(stream, "WEBP", quality=quality, method=0)
    return stream.getvalue()
