"""The images that a command trains on: a folder of photographs, or the synthetic documents."""

from __future__ import annotations

from pathlib import Path

from lic_models.data.documents import documents
from lic_models.data.image_set import ImageSet
from lic_models.data.scan import examine, images_below
from pytest_lic.errors import CorpusError
from pytest_lic.images.corpus import DOCUMENTS


def training_images(data: str, smallest: int) -> ImageSet:
    """The images into which a crop fits.

    Args:
        data: a folder, or ``synthetic-documents`` for the documents to train on.
        smallest: side of the crop in pixels.

    Raises:
        CorpusError: no such folder, or no image in it that is large enough.
    """
    if data == DOCUMENTS:
        drawn = documents("train")
        assert drawn.decoded is not None
        pairs = zip(drawn.files, drawn.decoded, strict=True)
        fitting = [pair for pair in pairs if min(pair[1].size) >= smallest]
        images = ImageSet(tuple(file for file, _ in fitting), tuple(image for _, image in fitting))
    else:
        folder = Path(data)
        if not folder.is_dir():
            raise CorpusError(f"--data {data}: no such folder; expected one of images")
        files = images_below(folder)
        if not files:
            raise CorpusError(f"--data {data}: no image in it; expected files such as .png or .jpg")
        usable = examine(files, 1, "skip")
        images = ImageSet(
            tuple(file for file in usable if min(file.width, file.height) >= smallest)
        )
    if not len(images):
        raise CorpusError(
            f"--data {data}: no image with {smallest} pixels on both sides; give larger ones, "
            "or a smaller --crop-size"
        )
    return images
