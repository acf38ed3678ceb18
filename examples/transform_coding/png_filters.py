"""PNG's five filters: each byte as its difference to a prediction, modulo 256.

    python png_filters.py       prints what each brings on a photograph

"Portable Network Graphics Specification", third edition, section 9, https://www.w3.org/TR/png-3/.
A filter loses nothing; it makes bytes that deflate codes in fewer bits.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Prediction = Callable[[int, int, int], int]


def paeth(left: int, up: int, corner: int) -> int:
    """Whichever of the three is nearest to left + up − corner; of equals the first."""
    plane = left + up - corner
    return min((left, up, corner), key=lambda each: abs(plane - each))


PREDICTIONS: dict[str, Prediction] = {
    "none": lambda left, up, corner: 0,
    "sub": lambda left, up, corner: left,
    "up": lambda left, up, corner: up,
    "average": lambda left, up, corner: (left + up) // 2,
    "paeth": paeth,
}
"""In the order of their numbers in a file."""


def filtered(pixels: Bytes, kind: str) -> Bytes:
    """A grey image (H, W) as differences, (H, W): (pixel − prediction) modulo 256."""
    padded = np.pad(pixels, ((1, 0), (1, 0))).astype(int)
    predicted = np.vectorize(PREDICTIONS[kind])(padded[1:, :-1], padded[:-1, 1:], padded[:-1, :-1])
    return ((pixels - predicted) % 256).astype(np.uint8)


def unfiltered(differences: Bytes, kind: str) -> Bytes:
    """The way back: pixel by pixel, since each prediction needs the pixels before."""
    height, width = differences.shape
    pixels = np.zeros((height + 1, width + 1), int)
    for row in range(1, height + 1):
        for column in range(1, width + 1):
            left, up = pixels[row, column - 1], pixels[row - 1, column]
            predicted = PREDICTIONS[kind](left, up, pixels[row - 1, column - 1])
            pixels[row, column] = (differences[row - 1, column - 1] + predicted) % 256
    return pixels[1:, 1:].astype(np.uint8)


def png(pixels: Bytes, kind: str) -> bytes:
    """A PNG file of a grey image (H, W), with one filter for all rows."""
    height, width = pixels.shape
    number = np.full((height, 1), list(PREDICTIONS).index(kind), np.uint8)
    rows = zlib.compress(np.hstack([number, filtered(pixels, kind)]).tobytes(), 9)
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", rows), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )


def main() -> None:
    """Print bits a pixel of the filters on a photograph that scikit-image bundles."""
    from skimage import data

    pixels = data.camera()[128:384, 128:384]
    for kind in PREDICTIONS:
        counts = np.bincount(filtered(pixels, kind).ravel(), minlength=256)
        shares = counts[counts > 0] / counts.sum()
        entropy = -(shares * np.log2(shares)).sum()
        spent = 8 * len(png(pixels, kind)) / pixels.size
        print(f"{kind:8}  entropy {entropy:.2f}  file {spent:.2f} bits a pixel")


if __name__ == "__main__":
    main()
