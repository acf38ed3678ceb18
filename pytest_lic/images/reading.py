"""One image file → 8-bit RGB pixels, or a clear refusal.

What a benchmark measures must be what the file holds, so nothing that changes an image is done
silently: more than 8 bits a sample, real transparency, several frames and colour models other
than RGB and grey are refused with the way out.

Taken as they are stored: colour profiles are not applied; an orientation is not applied, but for
those of TIFF and HEIF, whose decoders turn the picture by themselves. Grey becomes RGB by
replication, palettes are looked up, an opaque alpha channel is dropped, YCbCr is converted.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_lic.container import MAX_PIXELS
from pytest_lic.errors import CorpusError
from pytest_lic.images.png import without_texts
from pytest_lic.system.pointer_files import how_to_fetch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

# Formats that Pillow only identifies, or that it hands to another program to draw.
_NOT_PHOTOGRAPHS = frozenset({"BUFR", "EPS", "FLI", "GRIB", "HDF5", "IPTC", "MPEG", "PDF", "WMF"})
# A first picture and its companions (a thumbnail, a depth map), not an animation.
_FIRST_PICTURE = frozenset({"MPO", "HEIF"})
_GREY_OR_RGB = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "YCbCr"})
_DEEP_MODES = re.compile(r"I|F|I;16.*")
_BITS_PER_SAMPLE = 258  # of TIFF 6.0
_DEEP_SAMPLES = re.compile(r";(16|32|64)[A-Z]")  # not BGR;16, which is 5 + 6 + 5 bits


@cache
def readable_formats() -> dict[str, str]:
    """File name suffix, lower case with its dot → Pillow's name of the format."""
    from PIL import Image
    from pillow_heif import register_heif_opener

    register_heif_opener()
    return {
        suffix: name
        for suffix, name in Image.registered_extensions().items()
        if name in Image.OPEN and name not in _NOT_PHOTOGRAPHS
    }


def read_image(path: Path) -> NDArray[np.uint8]:
    """The pixels of an image file, uint8 (H, W, 3), RGB.

    Raises:
        CorpusError: naming the path: unreadable, damaged, larger than `MAX_PIXELS`, more than
            8 bits a sample, transparent, animated, or of another colour model.
    """
    import numpy as np

    with _opened(path) as image:
        return np.array(_to_rgb(image, path))


def check_image(path: Path) -> None:
    """Refuse, without decoding it, an image file whose header alone rules it out.

    Raises:
        CorpusError: as `read_image`, but for damage and transparency further in.
    """
    with _opened(path):
        pass


@contextmanager
def _opened(path: Path) -> Iterator[Image]:
    """The image, opened and not yet decoded; whatever goes wrong names the path."""
    from PIL import Image, UnidentifiedImageError

    if not path.is_file():
        raise CorpusError(f"{path}: not a file that can be read; repair the link or take it out")
    formats = tuple(sorted(set(readable_formats().values())))
    try:
        with warnings.catch_warnings():
            # Remarks on odd metadata, and on sizes that _refuse judges by a limit of its own.
            warnings.simplefilter("ignore")
            with Image.open(without_texts(path) or path, formats=formats) as image:
                _refuse(image, path)
                yield image
    except CorpusError:
        raise
    except Image.DecompressionBombError as error:
        raise CorpusError(f"{path}: {error}; take it out of the corpus") from error
    except Exception as error:  # Pillow's plugins raise almost anything on a damaged file
        way_out = how_to_fetch(path)
        if way_out is not None:
            raise CorpusError(f"{path}: {way_out}") from error
        reason = str(error).replace(str(path), "it") or type(error).__name__
        if isinstance(error, UnidentifiedImageError):
            reason = "it begins as no image does that Pillow knows"
        raise CorpusError(
            f"{path}: not a readable image ({reason}); repair it or take it out of the corpus"
        ) from error


def _refuse(image: Image, path: Path) -> None:
    """Raise for everything that the header alone rules out."""
    if image.width * image.height > MAX_PIXELS:
        raise CorpusError(
            f"{path}: {image.width}×{image.height} pixels; at most {MAX_PIXELS} are accepted, "
            "crop it or take it out of the corpus"
        )
    if _is_deep(image, path):
        raise CorpusError(
            f"{path}: more than 8 bits a sample; the corpus is 8-bit RGB: convert the file first, "
            "so that the rounding is your choice"
        )
    if image.mode not in _GREY_OR_RGB:
        raise CorpusError(
            f"{path}: colour model {image.mode}; expected RGB or grey: convert the file first, "
            "with its colour profile"
        )
    if getattr(image, "n_frames", 1) > 1 and image.format not in _FIRST_PICTURE:
        raise CorpusError(f"{path}: has several frames; store the one to be coded by itself")


def _is_deep(image: Image, path: Path) -> bool:
    """Whether the file stores more than 8 bits a sample.

    The mode alone does not tell: Pillow opens 16-bit RGB as "RGB" and drops the low bits.
    """
    if _DEEP_MODES.fullmatch(image.mode) or image.info.get("bit_depth", 8) > 8:
        return True
    match image.format:
        case "JPEG2000" | "AVIF":
            return _is_deep_codestream(path.read_bytes())
        case "TIFF" if max(image.tag_v2.get(_BITS_PER_SAMPLE, (1,))) > 8:  # type: ignore[attr-defined]
            return True
        case "SGI":
            with path.open("rb") as file:
                return file.read(4)[3] > 1  # bytes a sample
        case "DDS" if getattr(image, "pixel_format", "").startswith("BC6"):  # halves
            return True
    for tile in getattr(image, "tile", ()):
        arguments = tile[3] if isinstance(tile[3], tuple) else (tile[3],)
        if any(isinstance(part, str) and _DEEP_SAMPLES.search(part) for part in arguments):
            return True
        if image.format == "PPM" and any(isinstance(n, int) and n > 255 for n in arguments[1:]):
            return True
    return False


def _is_deep_codestream(contents: bytes | bytearray) -> bool:
    """The sample depth that a JPEG 2000 or AV1 header gives, which Pillow keeps to itself."""
    size_marker = contents.find(b"\xff\x4f\xff\x51")  # SOC, SIZ: ISO/IEC 15444-1, A.5.1
    if size_marker >= 0:
        components = int.from_bytes(contents[size_marker + 40 : size_marker + 42])
        depths = contents[size_marker + 42 : size_marker + 42 + 3 * components : 3]
        return any((depth & 0x7F) + 1 > 8 for depth in depths)
    configuration = contents.find(b"av1C")  # AV1 in ISOBMFF, 2.3.3: high_bitdepth
    return configuration >= 0 and bool(contents[configuration + 6] & 0x40)


def _to_rgb(image: Image, path: Path) -> Image:
    if image.mode in {"LA", "PA", "RGBA"} or "transparency" in image.info:
        darkest, _ = image.convert("RGBA").getchannel("A").getextrema()
        if darkest != 255:
            raise CorpusError(
                f"{path}: has transparent pixels; flatten it onto a background of your choice"
            )
    return image.convert("RGB")
