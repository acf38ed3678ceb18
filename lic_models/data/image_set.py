"""A split's images: decoded once and kept in memory, or decoded whenever they are asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from lic_models.data.scan import ImageFile, OnBroken, usable_of
from pytest_lic.images.reading import read_image

KEPT_BYTES = 1 << 30
_BYTES_PER_PIXEL = 4  # Pillow keeps RGB in four bytes


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images by index. ``decoded`` holds all of them decoded, 8-bit RGB, or is None."""

    files: tuple[ImageFile, ...]
    decoded: tuple[Image.Image, ...] | None = None

    def __len__(self) -> int:
        return len(self.files)

    def read(self, index: int) -> Image.Image:
        """One image, 8-bit RGB.

        Raises:
            CorpusError: naming the path: it can't be decoded.
        """
        if self.decoded is not None:
            return self.decoded[index]
        return Image.fromarray(read_image(self.files[index].path))

    @property
    def digest(self) -> str:
        """16 hexadecimal digits over names and sizes: other images are drawn from, another one."""
        lines = (f"{file.name} {file.width}×{file.height}\n" for file in self.files)
        return hashlib.sha256("".join(lines).encode()).hexdigest()[:16]


def load_images(files: Sequence[ImageFile], keep: bool | None, on_broken: OnBroken) -> ImageSet:
    """The images of these files.

    Args:
        files: what `scan.examine` found usable.
        keep: decode all of them now and keep them; None does so if they take at most 1 GiB.
        on_broken: "raise", or "skip" to leave out, with one warning each, those that turn out to
            be damaged.

    Raises:
        CorpusError: naming the path: an image that can't be decoded; or none can.
    """
    if keep is None:
        pixels = sum(file.width * file.height for file in files)
        keep = pixels * _BYTES_PER_PIXEL <= KEPT_BYTES
    if not keep:
        return ImageSet(tuple(files))
    pairs = usable_of(
        files,
        lambda file: (file, Image.fromarray(read_image(file.path))),
        "decoding images",
        on_broken,
    )
    return ImageSet(tuple(file for file, _ in pairs), tuple(image for _, image in pairs))
