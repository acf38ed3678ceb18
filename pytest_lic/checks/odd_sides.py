"""Whether sides cost quality: the same pixels, coded within a square crop and within others.

No baseline is needed, since the codec is compared with itself.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pytest_lic.codec import Codec
from pytest_lic.errors import CodecError
from pytest_lic.images.corpus import Corpus, Image
from pytest_lic.measuring import coding
from pytest_lic.measuring.grid import Cell
from pytest_lic.measuring.metrics.psnr import psnr

MOST = 2.0
"""dB that another crop may lose: of the shipped codecs none loses 1 dB."""
_EVEN, _STEP = 128, 16  # pixels: the square's side at most, and what it is a multiple of
_LESS = ((1, 15), (15, 1), (12, 0), (0, 12))
"""Pixels of height and width that the others lack: 127 and 113, both prime, and 116, even."""
_LEAST = 48


def check_odd_sides(codec: Codec, cell: Cell, corpus: Corpus) -> None:
    """PSNR of the corpus's first image does not fall with its sides being odd, or no multiples.

    Raises:
        CodecError: it loses more than `MOST` dB, or the codec broke its protocol.
    """
    image = corpus.images[0]
    side = min(_EVEN, image.height, image.width) // _STEP * _STEP
    if side < _LEAST:
        return
    square = _coded(codec, cell, _cropped(image, side, side))
    for less_high, less_wide in _LESS:
        height, width = side - less_high, side - less_wide
        crop = _cropped(image, height, width)
        within, alone = _psnr(crop, square), _psnr(crop, _coded(codec, cell, crop))
        if within - alone > MOST:
            kind = (
                "odd sides cost" if less_high % 2 else f"sides that are no multiple of {_STEP} cost"
            )
            raise CodecError(
                f"{image.name}: {kind} {within - alone:.2f} dB: its upper left {width}×{height} "
                f"pixels come back with {alone:.2f} dB, and within {side}×{side} pixels with "
                f"{within:.2f} dB; look at how the codec pads and crops"
            )


def _cropped(image: Image, height: int, width: int) -> Image:
    name = f"{image.name}, cropped to {width}×{height}"
    return Image(name, np.ascontiguousarray(image.pixels[:height, :width]))


def _coded(codec: Codec, cell: Cell, image: Image) -> NDArray[np.uint8]:
    bitstreams = coding.encode(codec, [image], cell.setting.device)
    (decoded,) = coding.decode(codec, bitstreams, [image])
    return decoded


def _psnr(crop: Image, decoded: NDArray[np.uint8]) -> float:
    """Of the upper left of what was decoded, in dB; at most 100, which a lossless one reaches."""
    return min(100.0, psnr(crop.pixels, decoded[: crop.height, : crop.width]))
