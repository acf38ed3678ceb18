"""Flickr2W: 20,745 photographs from Flickr.

Liu et al., "A unified end-to-end framework for efficient deep image compression", 2020,
https://arxiv.org/abs/2002.03370
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lic_models.data.module import CropDataModule, Split
from lic_models.data.scan import existing_folder, images_below
from pytest_lic.errors import CorpusError

_FOLDER = "flicker_2W_images"  # as the archive spells it


class Flickr2W(CropDataModule):
    """The photographs of Flickr2W, one flat folder; a share of them is held out for validation.

    They are JPEG files, which `scale` is for. There are no test images.

    Args:
        path: the folder `flicker_2W_images`, by whatever name, or the one that it lies in.
        kwargs: the options of `CropDataModule`.
    """

    def __init__(self, path: Path, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._path = path

    def files(self, split: Split) -> dict[str, Path] | None:
        """All photographs for training; no other split is published.

        Raises:
            CorpusError: the folder is missing, or no image lies directly in it.
        """
        if split != "train":
            return None
        root = existing_folder(self._path, f"the folder {_FOLDER} of Flickr2W")
        folder = root / _FOLDER if (root / _FOLDER).is_dir() else root
        images = {name: path for name, path in images_below(folder).items() if "/" not in name}
        if not images:
            raise CorpusError(
                f"{root}: not laid out as Flickr2W; looked for images directly in it, or in "
                f"{_FOLDER} in it"
            )
        return images
