"""A split's images: decoded once and kept in memory, or decoded whenever they are asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image
from tqdm import tqdm

from lic_models.data.scan import ImageFile, OnBroken, report_broken
from pytest_lic.errors import CorpusError
from pytest_lic.images.reading import read_image

KEPT_BYTES = 1 << 30
_BYTES_PER_PIXEL = 4  # Pillow keeps RGB in four bytes
_QUIET_SECONDS = 3.0


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images by index. ``kept`` holds all of them decoded, 8-bit RGB, or is None."""

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
    usable: list[ImageFile] = []
    images: list[Image.Image] = []
    problems: list[str] = []
    for file in tqdm(files, "decoding images", delay=_QUIET_SECONDS, mininterval=1.0, leave=False):
        try:
            images.append(Image.fromarray(read_image(file.path)))
            usable.append(file)
        except CorpusError as error:
            problems.append(str(error))
    report_broken(problems, on_broken)
    if not usable:
        raise CorpusError(f"{problems[-1]}; it was the last: no usable image is left")
    return ImageSet(tuple(usable), tuple(images))
