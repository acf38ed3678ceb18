"""Whether flat images come back as bright as they are, from a codec that can draw others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pytest_lic.checks.determinism import CodedBatch
from pytest_lic.errors import CodecError
from pytest_lic.measuring.metrics.psnr import psnr

MOST = 64.0
"""Levels of 255 that the mean of a flat image may be off."""
_ABLE = 20.0
"""dB on some image that is not flat, below which nothing is expected: an untrained network."""


def check_flat_images(coded: Sequence[CodedBatch]) -> None:
    """Refuse a codec that turns white into black, or the like.

    Raises:
        CodecError: the mean of a flat image is off by more than `MOST`.
    """
    images = [
        (image, pixels)
        for batch in coded
        for image, pixels in zip(batch.images, batch.pixels, strict=True)
    ]
    flat = [(image, pixels) for image, pixels in images if np.ptp(image.pixels) == 0]
    able = any(
        np.ptp(image.pixels) > 0 and psnr(image.pixels, pixels) >= _ABLE for image, pixels in images
    )
    for image, pixels in flat if able else ():
        there, back = float(image.pixels.mean()), float(pixels.mean())
        if abs(back - there) > MOST:
            raise CodecError(
                f"{image.name}: every pixel is {there:g} of 255, and it comes back with {back:.0f} "
                "in the mean; look for values that wrap around or are not clamped"
            )
