"""8-bit RGB pixels as the bytes of a PNG file and back, without loss; PPM too, for programs."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SIGNATURE = b"\x89PNG\r\n\x1a\n"
"""What a PNG file begins with."""


class NotRGBError(ValueError):
    """An image file of another mode, ``mode`` as Pillow calls it, than 8-bit RGB."""

    def __init__(self, mode: str) -> None:
        super().__init__(f"it is {mode}, not RGB")
        self.mode = mode


def encoded(pixels: NDArray[np.uint8], kind: str = "PNG", **options: Any) -> bytes:
    """The bytes of a file of these pixels, (H, W, 3).

    Args:
        pixels: 8-bit RGB.
        kind: PNG or PPM.
        options: Pillow's for writing, such as ``optimize=True``.
    """
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def decoded(source: bytes | Path, kind: str = "PNG") -> NDArray[np.uint8]:
    """The pixels of a file, or of its bytes, uint8 (H, W, 3).

    Raises:
        OSError, SyntaxError, ValueError: it is not there, damaged, or of another format.
        NotRGBError: it is read, and of another mode.
    """
    import numpy as np
    from PIL import Image

    file = io.BytesIO(source) if isinstance(source, bytes) else source
    with Image.open(file, formats=[kind]) as image:
        pixels = np.array(image)
        if image.mode != "RGB":
            raise NotRGBError(image.mode)
    return pixels
