"""Synthetic documents, drawn here: another domain than photographs, with nothing to download."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from PIL import Image

from lic_models.data.image_set import ImageSet
from lic_models.data.module import CropDataModule, Split
from lic_models.data.scan import ImageFile, refuse_smaller
from pytest_lic.images.documents import synthetic_documents


class SyntheticDocuments(CropDataModule):
    """Rendered text, line drawings and charts: 64 to train on, and the 16 of the plugin's corpus.

    No document is in both. They are no JPEG files, so by default they are not scaled down.

    Args:
        scale: as `CropDataModule` has it.
        kwargs: the other options of `CropDataModule`.
    """

    def __init__(self, scale: tuple[float, float] | None = None, **kwargs: Any) -> None:
        super().__init__(scale=scale, **kwargs)

    def files(self, split: Split) -> dict[str, Path] | None:
        """The names of a split's documents; some to train on are held out for validation."""
        if split == "validation":
            return None
        return {file.name: file.path for file in documents(split).files}

    def read(self, split: Split, smallest: int) -> ImageSet:
        """A split's documents, drawn now and kept in memory.

        Raises:
            CorpusError: one is smaller than ``smallest``, or they can't be drawn.
        """
        names = self.split_files(split)
        drawn = documents("test" if split == "test" else "train")
        assert drawn.decoded is not None
        pairs = zip(drawn.files, drawn.decoded, strict=True)
        chosen = [(file, image) for file, image in pairs if file.name in names]
        for file, _ in chosen:
            refuse_smaller(file, smallest)
        return ImageSet(tuple(file for file, _ in chosen), tuple(image for _, image in chosen))


@lru_cache(maxsize=2)
def documents(split: Literal["train", "test"]) -> ImageSet:
    """All documents of a split, drawn once.

    Raises:
        CorpusError: they can't be drawn.
    """
    images = {name: Image.fromarray(pixels) for name, pixels in synthetic_documents(split)}
    files = (
        ImageFile(name, Path(name), image.width, image.height) for name, image in images.items()
    )
    return ImageSet(tuple(files), tuple(images.values()))
