"""The Kodak images (https://r0k.us/graphics/kodak/), on which everyone reports."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from lic_models.data.module import CropDataModule, Split
from lic_models.data.scan import OnBroken, existing_folder
from pytest_lic.errors import CorpusError, UsageError

_NAMES = tuple(f"kodim{number:02}.png" for number in range(1, 25))


class Kodak(CropDataModule):
    """The 24 Kodak images, for validation and testing only.

    What is trained, or tuned, on them can't be compared with anything published.

    Args:
        path: the folder that holds kodim01.png to kodim24.png.
        crop_size: side of a validation crop in pixels.
        batch_size: validation crops in a batch.
        workers: processes that prepare batches; 0 prepares them in the main process.
        keep_in_memory: see `CropDataModule`.
        on_broken: see `CropDataModule`.
        validation_crop: "none" validates on whole images, one at a time.
    """

    def __init__(
        self,
        path: Path,
        crop_size: int = 256,
        batch_size: int = 8,
        workers: int = 0,
        keep_in_memory: bool | None = None,
        on_broken: OnBroken = "raise",
        validation_crop: Literal["centre", "none"] = "centre",
    ) -> None:
        super().__init__(
            crop_size=crop_size,
            batch_size=batch_size,
            scale=None,
            workers=workers,
            keep_in_memory=keep_in_memory,
            on_broken=on_broken,
            validation_share=0.0,
            validation_crop=validation_crop,
        )
        self._path = path

    def files(self, split: Split) -> dict[str, Path]:
        """All 24 images, for validation and for testing.

        Raises:
            UsageError: they are asked for to train on.
            CorpusError: the folder, or one of them, is missing.
        """
        if split == "train":
            raise UsageError(
                "Kodak is for evaluation only: it has no training split; train on another data "
                "set, such as --data=lic_models.data.ImageFolder"
            )
        folder = existing_folder(self._path, f"a folder that holds {_NAMES[0]} to {_NAMES[-1]}")
        missing = [name for name in _NAMES if not (folder / name).exists()]
        if missing:
            listed = ", ".join(missing[:3]) + (", …" if len(missing) > 3 else "")
            raise CorpusError(
                f"{folder}: {len(missing)} of the 24 Kodak images are missing ({listed}); expected "
                f"{_NAMES[0]} to {_NAMES[-1]}, or use lic_models.data.ImageFolder"
            )
        return {name: folder / name for name in _NAMES}
