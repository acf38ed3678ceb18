"""8-bit RGB pixels as the bytes of a PNG file and back, without loss; PPM too, for programs."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SIGNATURE = b"\x89PNG\r\n\x1a\n"
"""What a PNG file begins with."""
_AS_GOOD_AS_RGB = ("1", "L", "P")
_BESIDE = frozenset({b"tEXt", b"zTXt", b"iTXt", b"iCCP"})
# Chunks of texts and the colour profile: whole editing histories, which Pillow unpacks up to a size
# and then refuses the file.


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


def decoded(source: bytes | Path, kind: str = "PNG", *, or_grey: bool = False) -> NDArray[np.uint8]:
    """The pixels of a file, or of its bytes, uint8 (H, W, 3).

    Args:
        source: the file.
        kind: PNG or PPM.
        or_grey: take 8-bit grey and palettes too, which are RGB without loss.

    Raises:
        OSError, SyntaxError, ValueError: it is not there, damaged, or of another format.
        NotRGBError: it is read, and of another mode.
    """
    import numpy as np
    from PIL import Image

    file = io.BytesIO(source) if isinstance(source, bytes) else source
    with Image.open(file, formats=[kind]) as image:
        image.load()
        as_good = or_grey and image.mode in _AS_GOOD_AS_RGB and "transparency" not in image.info
        if image.mode != "RGB" and not as_good:
            raise NotRGBError(image.mode)
        return np.array(image.convert("RGB"))


def without_texts(path: Path) -> io.BytesIO | None:
    """A PNG file without its texts and colour profile; None where it has none, or is no PNG."""
    with path.open("rb") as file:
        if file.read(len(SIGNATURE)) != SIGNATURE:
            return None
        chunks = list(_chunks(file))
        if _BESIDE.isdisjoint(kind for kind, _, _ in chunks):
            return None
        rest = io.BytesIO()
        rest.write(SIGNATURE)
        for kind, start, size in chunks:
            if kind not in _BESIDE:
                file.seek(start)
                rest.write(file.read(size))
    rest.seek(0)
    return rest


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """The kind of each chunk from here on, where it begins, and its size; what is cut too."""
    start = file.tell()
    while len(head := file.read(8)) == 8:
        size = struct.unpack(">I", head[:4])[0] + 12  # length, kind, checksum
        yield head[4:], start, size
        start += size
        file.seek(start)
