"""Small images on which codecs break: single pixels, odd and prime sides, flat and extreme content.

All pixels come from integers and SHAKE-256, so that they are the same on every machine and with
every version of every library.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_PRIMARIES = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (0, 255, 255), (255, 0, 255), (255, 255, 0))


def edge_images() -> Mapping[str, NDArray[np.uint8]]:
    """Name → pixels, uint8 (H, W, 3), RGB. Sides range from 1 to 97 pixels; names give W × H."""
    images = {
        "pixel_1x1": _noise(1, 1),
        "row_67x1": _noise(1, 67),
        "column_1x67": _noise(67, 1),
        "sliver_2x3": _noise(3, 2),
        "black_64x64": _flat(64, 64, 0),
        "white_65x63": _flat(63, 65, 255),
        "grey_17x16": _flat(16, 17, 128),
        "noise_64x48": _noise(48, 64),
        "saturated_90x61": _saturated(61, 90),
        "gradients_97x89": _gradients(89, 97),
        "photograph_like_61x47": _clouds(47, 61),
        "text_like_96x53": _text(53, 96),
    }
    for pixels in images.values():
        pixels.setflags(write=False)
    return images


def _random_bytes(seed: str, height: int, width: int, channels: int = 3) -> NDArray[np.uint8]:
    import numpy as np

    count = height * width * channels
    drawn = hashlib.shake_256(f"pytest-lic edge {seed}".encode()).digest(count)
    return np.frombuffer(drawn, np.uint8).reshape(height, width, channels)


def _flat(height: int, width: int, level: int) -> NDArray[np.uint8]:
    import numpy as np

    return np.full((height, width, 3), level, np.uint8)


def _noise(height: int, width: int) -> NDArray[np.uint8]:
    """Independent uniform samples: the most bits that an image of this size can cost."""
    return _random_bytes(f"noise {height} {width}", height, width).copy()


def _saturated(height: int, width: int) -> NDArray[np.uint8]:
    """Checkers of the six primaries, from cells of 1 pixel at the top to 8 at the bottom."""
    import numpy as np

    colours = np.array(_PRIMARIES, np.uint8)
    rows, columns = np.indices((height, width))
    cell = 1 + rows * 8 // height
    pixels: NDArray[np.uint8] = colours[(rows // cell + columns // cell) % len(colours)]
    return pixels


def _gradients(height: int, width: int) -> NDArray[np.uint8]:
    """A ramp along each axis and one along both: banding shows on them."""
    import numpy as np

    rows, columns = np.indices((height, width))
    across = columns * 255 // (width - 1)
    down = rows * 255 // (height - 1)
    pixels: NDArray[np.uint8] = np.stack((across, down, (across + down) // 2), -1).astype(np.uint8)
    return pixels


def _clouds(height: int, width: int) -> NDArray[np.uint8]:
    """Noise at five scales added up, the coarser the stronger, as in natural images."""
    import numpy as np

    total = np.zeros((height, width, 3), np.int64)
    for cell in (1, 2, 4, 8, 16):
        coarse = _random_bytes(f"clouds {cell}", -(-height // cell), -(-width // cell))
        total += cell * coarse.astype(np.int64).repeat(cell, 0).repeat(cell, 1)[:height, :width]
    return (total // 31).astype(np.uint8)


def _text(height: int, width: int) -> NDArray[np.uint8]:
    """Black glyphs of 5 × 7 random bits on white, in lines with gaps between words."""
    import numpy as np

    pixels = np.full((height, width, 3), 255, np.uint8)
    letters = _random_bytes("text", height // 10, width // 6, 36)
    for line, column in np.ndindex(letters.shape[:2]):
        first, *bits = letters[line, column]
        if first < 50:  # about one cell in five is a gap
            continue
        glyph = (np.array(bits).reshape(7, 5) & 1).astype(bool)
        top, left = 2 + 10 * line, 1 + 6 * column
        pixels[top : top + 7, left : left + 5][glyph] = 0
    return pixels
