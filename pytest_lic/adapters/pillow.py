"""Classical codecs through Pillow and pillow-heif: JPEG, JPEG 2000, WebP, AVIF and HEVC intra.

A bitstream is the file that the library wrote, byte for byte, without metadata. These files carry
no checksum: what is cut short, foreign or malformed is refused, but changed bytes that still parse
decode to other pixels. Images are coded one after the other, in one thread.

Quality labels are the codec's own numbers and rise with the rate: Pillow's ``quality``, and for
JPEG 2000 the bits per pixel of coded data (its headers, about 150 bytes, come on top).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pytest_lic.adapters.image_files.formats import FORMATS, Options, one_strict_thread
from pytest_lic.adapters.image_files.header import read_size
from pytest_lic.adapters.image_files.pixels import to_batch, to_pixels
from pytest_lic.codec import CodecFamily
from pytest_lic.container import MAX_PIXELS
from pytest_lic.errors import (
    AbsurdSizeError,
    CodecError,
    CorruptBitstreamError,
    UnavailableError,
    UnknownNameError,
    UsageError,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor


def families() -> Iterator[CodecFamily]:
    """The classical codecs that pytest-lic ships, each spanning about 0.1 to 2 bpp on photographs.

    ``hevc`` is HEVC intra 4:4:4 by x265, tuned for PSNR. It stands in for BPG, which is the same
    coding in a leaner file, where no ``bpgenc`` is installed.
    """
    yield pillow_family("jpeg", "JPEG", (5, 10, 20, 40, 65, 85))
    yield pillow_family("jpeg2000", "JPEG2000", (0.1, 0.2, 0.4, 0.8, 1.4, 2))
    yield pillow_family("webp", "WEBP", (0, 5, 20, 50, 75, 90))
    yield pillow_family("avif", "AVIF", (10, 20, 30, 45, 60, 75))
    yield pillow_family("hevc", "HEIF", (10, 20, 30, 40, 48, 55))


def pillow_family(
    name: str,
    format: str,
    qualities: Sequence[float] | Mapping[str, Options],
    *,
    tags: Mapping[str, str] | None = None,
    **options: Any,
) -> CodecFamily:
    """A family that codes with one of Pillow's formats, in one line::

        pillow_family("jpeg-444", "JPEG", (10, 30, 50, 70, 90), subsampling="4:4:4")

    Args:
        name: the family's name.
        format: ``JPEG``, ``JPEG2000``, ``WEBP``, ``AVIF`` or ``HEIF`` (HEVC).
        qualities: the ``quality`` of each operating point, from the lowest rate to the highest; or
            label → options of that point, such as ``{"slow": {"quality": 30, "speed": 2}}``.
        tags: added to ``{"architecture": name, "kind": "classical"}``.
        options: of every point, by Pillow's names, over the shipped family's (`FORMATS`). Those of
            ``HEIF`` are ``chroma``, ``preset``, ``tune`` and ``x265``, a mapping of x265's own
            parameters. What would write metadata or use more threads can't be set.

    Raises:
        UsageError: an unknown format or option.
    """
    where = f"codec family {name!r}"
    if format not in FORMATS:
        raise UnknownNameError("format", format, FORMATS, where)
    container = FORMATS[format]
    if not isinstance(qualities, Mapping):
        numbers, qualities = qualities, {f"{q:g}": {"quality": q} for q in qualities}
        if len(qualities) < len(numbers):
            raise UsageError(f"{where}: two of the qualities {tuple(numbers)} have one label")
    settings = {
        label: MappingProxyType({**container.defaults, **options, **own})
        for label, own in qualities.items()
    }
    for setting in settings.values():
        for option in setting:
            if option not in container.options:
                raise UnknownNameError(f"{format} option", option, container.options, where)

    def setting_of(quality: str) -> Options:
        if quality not in settings:
            raise UnknownNameError("quality", quality, settings, where)
        return settings[quality]

    def build(quality: str, device: str) -> PillowCodec:
        if device != "cpu":
            raise UsageError(f"{where} can't run on {device!r}; use --lic-device cpu")
        reason = container.unavailable()
        if reason is not None:
            raise UnavailableError(f"{where}: {reason}")
        return PillowCodec(f"{name}-q{quality}", format, setting_of(quality))

    def fingerprint(quality: str) -> str | None:
        setting = dict(setting_of(quality))
        if container.unavailable() is not None:
            return None
        description = {"format": format, "options": setting, "versions": container.versions()}
        return json.dumps(description, sort_keys=True, default=repr)

    return CodecFamily(
        name=name,
        qualities=dict.fromkeys(settings),
        build=build,
        tags={"architecture": name, "kind": "classical", **(tags or {})},
        fingerprint=fingerprint,
        unavailable=container.unavailable,
        devices=("cpu",),
    )


@dataclass(frozen=True)
class PillowCodec:
    """One operating point of a `pillow_family`. It remembers nothing between calls."""

    name: str
    format: str
    options: Options

    def encode(self, images: Tensor, /) -> list[bytes]:
        """One file per image; samples are rounded to 8 bits first.

        Raises:
            CodecError: another shape than (B, 3, H, W), or a size that the format can't hold.
        """
        return [self._encode_one(pixels) for pixels in to_pixels(images, self.name)]

    def decode(self, bitstreams: Sequence[bytes], /) -> Tensor:
        """The images of B files of one size, float32 (B, 3, H, W) in [0, 1].

        Raises:
            BitstreamError: what `read_size` raises, and CorruptBitstreamError where the library
                can't decode the file or finds another image than the header announced.
            CodecError: the images' sizes differ.
        """
        return to_batch([self._decode_one(bitstream) for bitstream in bitstreams], self.name)

    def _encode_one(self, pixels: NDArray[np.uint8]) -> bytes:
        from PIL.Image import fromarray

        height, width = pixels.shape[:2]
        where = f"{self.name}: image of {width}×{height} pixels"
        if height * width > MAX_PIXELS:
            raise CodecError(f"{where}; at most {MAX_PIXELS} are accepted")
        try:
            with one_strict_thread(height * width):
                return FORMATS[self.format].write(fromarray(pixels), self.options)
        except Exception as error:  # which one it is differs from plugin to plugin
            raise CodecError(
                f"{where}: can't be written as {self.format} ({_reason(error)}); check its size "
                "and the family's options"
            ) from error

    def _decode_one(self, bitstream: bytes) -> NDArray[np.uint8]:
        import numpy as np
        from PIL.Image import DecompressionBombError, DecompressionBombWarning

        height, width = read_size(self.format, bitstream)
        try:
            with one_strict_thread(height * width):
                image = FORMATS[self.format].read(bitstream)
                pixels = np.array(image)
        except (DecompressionBombError, DecompressionBombWarning) as error:
            raise AbsurdSizeError(f"{self.name}: {error}") from error
        except Exception as error:  # plugins raise almost anything on a damaged file
            raise CorruptBitstreamError(
                f"{self.name}: {self.format} file that can't be decoded ({_reason(error)})"
            ) from error
        # HEIF's header gives the size before it is cropped to the image.
        cropped = self.format == "HEIF" and image.width <= width and image.height <= height
        if image.mode != "RGB" or not (cropped or image.size == (width, height)):
            raise CorruptBitstreamError(
                f"{self.name}: {self.format} file decodes to {image.mode} of "
                f"{image.width}×{image.height} pixels; its header announced RGB of {width}×{height}"
            )
        return pixels


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
