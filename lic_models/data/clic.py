"""CLIC 2020, the photographs of the Challenge on Learned Image Compression.

The archives unpack to folders that are named by the split alone (`train`, `valid`) or by the part
alone (`mobile`, `professional`, the test images), so people give them names of their own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from lic_models.data.module import CropDataModule, Split
from lic_models.data.scan import existing_folder, images_below
from pytest_lic.errors import CorpusError

_SPLIT_NAMES: dict[Split, str] = {"train": "train", "validation": "valid", "test": "test"}


class Clic(CropDataModule):
    """CLIC 2020: professional and mobile photographs with their published splits.

    For each part and split the first of these that exists is used (here for `professional`):

        training      professional_train_2020/train, professional_train_2020, professional_train,
                      professional/train, train
        validation    the same with `valid` for `train`
        test          CLIC2020Professional_test/professional, CLIC2020Professional_test,
                      professional_test_2020, professional_test, professional/test, test,
                      professional

    A bare `train`, `valid` or `test` is taken whole for either part: several archives unpacked
    into one folder can't be told apart.

    Args:
        path: the folder into which the archives were unpacked.
        part: which photographs.
        kwargs: the options of `CropDataModule`.
    """

    def __init__(
        self,
        path: Path,
        part: Literal["professional", "mobile", "both"] = "both",
        **kwargs: Any,
    ) -> None:
        super().__init__(validation_share=0.0, **kwargs)
        self._path = path
        self._parts = ("professional", "mobile") if part == "both" else (part,)

    def files(self, split: Split) -> dict[str, Path]:
        """A published split's images of the parts asked for.

        Raises:
            CorpusError: the folder is missing, or holds none of the layouts above.
        """
        root = existing_folder(self._path, "the folder into which CLIC's archives were unpacked")
        folders = dict.fromkeys(_find(root, part, split) for part in self._parts)
        return {
            f"{folder.relative_to(root).as_posix()}/{name}": path
            for folder in folders
            for name, path in images_below(folder).items()
        }


def _find(root: Path, part: str, split: Split) -> Path:
    name = _SPLIT_NAMES[split]
    layouts = [f"{part}_{name}_2020", f"{part}_{name}", f"{part}/{name}", name]
    archive = f"{part}_{name}_2020.zip"
    if split == "test":
        archive = f"CLIC2020{part.capitalize()}_test.zip"
        unpacked = archive.removesuffix(".zip")
        layouts = [f"{unpacked}/{part}", unpacked, *layouts]
        if not any((root / part / other).is_dir() for other in _SPLIT_NAMES.values()):
            layouts.append(part)
    else:
        layouts.insert(0, f"{part}_{name}_2020/{name}")
    for layout in layouts:
        if (root / layout).is_dir() and images_below(root / layout):
            return root / layout
    raise CorpusError(
        f"{root}: no {part} images of CLIC 2020 for {split}; looked for images in "
        f"{', '.join(layouts)}: unpack {archive} there"
    )
