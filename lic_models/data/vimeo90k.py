"""Vimeo-90K triplets: three consecutive frames, 448×256, of each of 73,171 scenes.

Xue et al., "Video enhancement with task-oriented flow", IJCV 2019,
https://arxiv.org/abs/1711.09078
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from lic_models.data.module import CropDataModule, Split
from lic_models.data.scan import existing_folder
from pytest_lic.errors import CorpusError

_FOLDER = "vimeo_triplet"
_SEQUENCES = "sequences"
_LISTS: dict[Split, str] = {"train": "tri_trainlist.txt", "test": "tri_testlist.txt"}
_FRAMES = ("im1.png", "im2.png", "im3.png")
_TRIPLET = re.compile(r"\d+/\d+")


class Vimeo90K(CropDataModule):
    """The frames of the triplets, each of the three an image of its own, as in CompressAI.

    Triplets of the training list are held out for validation, with all their frames; the test
    list serves for testing alone. The frames have been scaled down already and are only as high
    as a usual crop, so `scale` is off unless asked for.

    Args:
        path: the folder `vimeo_triplet` (by whatever name: it holds `sequences`,
            `tri_trainlist.txt` and `tri_testlist.txt`), or the one that it lies in.
        scale: see `CropDataModule`.
        kwargs: the other options of `CropDataModule`.
    """

    def __init__(self, path: Path, scale: tuple[float, float] | None = None, **kwargs: Any) -> None:
        super().__init__(scale=scale, **kwargs)
        self._path = path

    def files(self, split: Split) -> dict[str, Path] | None:
        """The frames of the triplets on the split's list.

        Raises:
            CorpusError: the folder, its list or its sequences are missing, or a line of the list
                does not name a triplet.
        """
        if split == "validation":
            return None
        root = existing_folder(self._path, f"the folder {_FOLDER} of Vimeo-90K")
        folder = root / _FOLDER if (root / _FOLDER).is_dir() else root
        triplets, sequences = folder / _LISTS[split], folder / _SEQUENCES
        if not triplets.is_file() or not sequences.is_dir():
            raise CorpusError(
                f"{root}: not laid out as the triplets of Vimeo-90K; looked for {_LISTS[split]} "
                f"and {_SEQUENCES}/00001/0001/im1.png in it, or in {_FOLDER} in it"
            )
        frames: dict[str, Path] = {}
        for number, line in enumerate(triplets.read_text(errors="replace").splitlines(), 1):
            triplet = line.strip()
            if triplet and not _TRIPLET.fullmatch(triplet):
                raise CorpusError(
                    f"{triplets}, line {number}: {triplet!r}; expected a triplet such as 00001/0001"
                )
            for frame in _FRAMES if triplet else ():
                frames[f"{triplet}/{frame}"] = sequences / triplet / frame
        if not frames:
            raise CorpusError(f"{triplets}: names no triplet; expected lines such as 00001/0001")
        return frames

    def shot(self, name: str) -> str:
        """A frame's triplet: its frames are almost the same picture, so they stay together."""
        return name.rpartition("/")[0]
