"""The photographs that scikit-image bundles: for trying things out with nothing to download."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image

from lic_models.data.image_set import ImageSet
from lic_models.data.module import CropDataModule, Split
from lic_models.data.scan import ImageFile, refuse_smaller
from pytest_lic.images.corpus import PHOTOS, load_corpus


class BundledPhotographs(CropDataModule):
    """The five photographs of the corpus ``photos``, one of them held out for validation.

    All five are the test images, so what is trained here says nothing when it is tested here, nor
    when the plugin measures it on its default corpus: train on other photographs for that.

    Args:
        kwargs: the options of `CropDataModule`.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)

    def files(self, split: Split) -> dict[str, Path] | None:
        """The names of all photographs; there is no published split."""
        return None if split == "validation" else {name: Path(name) for name in PHOTOS}

    def read(self, split: Split, smallest: int) -> ImageSet:
        """A split's photographs, as the plugin's corpus has them, always kept in memory.

        Raises:
            CorpusError: scikit-image or one of its photographs is missing, or one is smaller than
                ``smallest``.
        """
        names = self.split_files(split)
        photographs = [image for image in load_corpus("photos").images if image.name in names]
        files = [
            ImageFile(image.name, Path(image.name), image.width, image.height)
            for image in photographs
        ]
        for file in files:
            refuse_smaller(file, smallest)
        return ImageSet(tuple(files), tuple(Image.fromarray(image.pixels) for image in photographs))
