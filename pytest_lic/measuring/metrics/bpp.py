"""Bits per pixel: the rate, of every byte of the bitstream."""

from __future__ import annotations

from pytest_lic.measuring.metrics.base import Metric


class BitsPerPixel(Metric):
    """Rate, from the length of the bitstream alone; changes are in percent."""

    name = "bpp"
    label = "bpp"
    unit = "bpp"
    higher_is_better = False
    tolerance = (0.1, 0.5)
    relative = True
    in_headlines = True
    implementation = "pytest-lic"
    definition = "8 times the bytes of the whole bitstream by the pixels; mean over the images"

    def of_stream(self, size: int, pixels: int) -> float:
        """8 × bytes / pixels."""
        return 8.0 * size / pixels
