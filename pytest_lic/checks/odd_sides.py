"""Whether odd sides cost quality: the same pixels, coded within an even crop and within an odd one.

No baseline is needed, since the codec is compared with itself.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pytest_lic.codec import Codec
from pytest_lic.errors import CodecError
from pytest_lic.images.corpus import Corpus, Image
from pytest_lic.measuring import coding
from pytest_lic.measuring.grid import Cell

MOST = 2.0
"""dB that the odd crop may lose: of the shipped codecs none loses 1 dB."""
_EVEN, _STEP = 128, 16  # pixels: the even crop's side at most, and what it is a multiple of
_LESS = (1, 15)  # of the odd crop's height and width: 127 and 113, both prime
_LEAST = 48


def check_odd_sides(codec: Codec, cell: Cell, corpus: Corpus) -> None:
    """PSNR of the corpus's first image does not fall with its sides being odd.

    Raises:
        CodecError: it loses more than `MOST` dB, or the codec broke its protocol.
    """
    image = corpus.images[0]
    side = min(_EVEN, image.height, image.width) // _STEP * _STEP
    if side < _LEAST:
        return
    height, width = (side - less for less in _LESS)
    psnr = [
        _psnr(codec, cell, _cropped(image, *sides), height, width)
        for sides in ((side, side), (height, width))
    ]
    lost = psnr[0] - psnr[1]
    if lost > MOST:
        raise CodecError(
            f"{image.name}: odd sides cost {lost:.2f} dB: its upper left {width}×{height} pixels "
            f"come back with {psnr[1]:.2f} dB, and within {side}×{side} pixels with "
            f"{psnr[0]:.2f} dB; look at how the codec pads and crops"
        )


def _cropped(image: Image, height: int, width: int) -> Image:
    name = f"{image.name}, cropped to {width}×{height}"
    return Image(name, np.ascontiguousarray(image.pixels[:height, :width]))


def _psnr(codec: Codec, cell: Cell, image: Image, height: int, width: int) -> float:
    """Of the upper left part of an image, in dB; at most 100, which only a lossless one reaches."""
    bitstreams = coding.encode(codec, [image], cell.setting.device)
    (decoded,) = coding.decode(codec, bitstreams, [image])
    parts: list[NDArray[np.float64]] = [
        pixels[:height, :width].astype(np.float64) for pixels in (image.pixels, decoded)
    ]
    error = float(np.square(parts[0] - parts[1]).mean())
    return 100.0 if error == 0.0 else min(100.0, 10.0 * math.log10(255.0**2 / error))
