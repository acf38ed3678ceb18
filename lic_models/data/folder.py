"""Any folder of images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lic_models.data.module import CropDataModule, Split
from lic_models.data.scan import existing_folder, images_below
from pytest_lic.errors import CorpusError, UsageError


class ImageFolder(CropDataModule):
    """Every image below a folder, in folders of folders too.

    Args:
        path: the folder to train on; a share of it is held out for validation.
        validation_path: a folder to validate on instead.
        test_path: a folder to test on.
        kwargs: the options of `CropDataModule`.
    """

    def __init__(
        self,
        path: Path,
        validation_path: Path | None = None,
        test_path: Path | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._path = path
        self._folders: dict[Split, Path | None] = {
            "train": path,
            "validation": validation_path,
            "test": test_path,
        }

    def files(self, split: Split) -> dict[str, Path] | None:
        """Every image below the split's folder.

        Raises:
            UsageError: the folder lies in the one to train on.
            CorpusError: there is no such folder, or no image in it.
        """
        path = self._folders[split]
        if path is None and split == "test":
            raise UsageError(
                "ImageFolder has no images for test: give --data.test_path, or use another data "
                "set, such as --data=lic_models.data.Kodak"
            )
        if path is None:
            return None
        folder = existing_folder(path, "a folder of images")
        if split != "train" and _is_inside(folder, self._path):
            raise UsageError(
                f"--data.{split}_path {folder}: lies in the folder to train on, {self._path}; "
                "keep them apart, or images that are trained on will be measured"
            )
        files = images_below(folder)
        if not files:
            raise CorpusError(f"{folder}: no image in it; expected files such as .png or .jpg")
        return files


def _is_inside(folder: Path, other: Path) -> bool:
    return folder.resolve().is_relative_to(other.expanduser().resolve())
