"""BT.709 luma and chroma of 8-bit RGB, full range and of 10 bits, as JPEG AI measures them.

The reference software of JPEG AI (ISO/IEC 6048-3) rounds R, G and B to 10 bits, turns them into
Y, Cb and Cr by the matrix of ITU-R BT.709, and rounds these to 10 bits: all from 0 to 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LEVELS = 1023
"""The largest value of 10 bits, which stands for 1."""

_RED, _GREEN, _BLUE = 0.2126, 0.7152, 0.0722


def luma(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(H, W, 3) → Y, (H, W), multiples of 1 / `LEVELS` from 0 to 1."""
    return _rounded(_luma(rgb(pixels)))


def ycbcr(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(H, W, 3) → Y, Cb and Cr, (3, H, W), multiples of 1 / `LEVELS` from 0 to 1."""
    import numpy as np

    colours = rgb(pixels)
    y = _luma(colours)
    cb = (colours[..., 2] - y) / (2 * (1 - _BLUE)) + 0.5
    cr = (colours[..., 0] - y) / (2 * (1 - _RED)) + 0.5
    return _rounded(np.stack((y, cb, cr)))


def rgb(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(H, W, 3) → the same as multiples of 1 / `LEVELS` from 0 to 1."""
    import numpy as np

    return _rounded(np.arange(256) / 255)[pixels]


def _luma(colours: NDArray[np.float64]) -> NDArray[np.float64]:
    import numpy as np

    y: NDArray[np.float64] = colours @ np.array((_RED, _GREEN, _BLUE))
    return y


def _rounded(values: NDArray[np.float64]) -> NDArray[np.float64]:
    import numpy as np

    levels: NDArray[np.float64] = np.rint(values.clip(0, 1) * LEVELS)
    return levels / LEVELS
