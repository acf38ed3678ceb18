"""Folders of images that are missing, or laid out otherwise than their data set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lic_models.data import Clic, Flickr2W, ImageFolder, Kodak, Vimeo90K
from lic_models.data.module import CropDataModule
from pytest_lic.errors import CorpusError
from tests.helpers.image_folders import SMALL, kodak, vimeo, write_images


def wrong_kodak(path: Path) -> CropDataModule:
    (kodak(path) / "kodim07.png").unlink()
    return Kodak(path)


def wrong_clic(path: Path) -> CropDataModule:
    write_images(path / "professional_train", "a.png")
    return Clic(path, "mobile")


def wrong_flickr(path: Path) -> CropDataModule:
    write_images(path / "somewhere", "a.jpg")
    return Flickr2W(path)


def wrong_vimeo(path: Path) -> CropDataModule:
    (vimeo(path) / "tri_trainlist.txt").unlink()
    return Vimeo90K(path)


def wrong_vimeo_list(path: Path) -> CropDataModule:
    (vimeo(path) / "tri_trainlist.txt").write_text("00001/0001\n../0002\n")
    return Vimeo90K(path)


def missing_vimeo_frame(path: Path) -> CropDataModule:
    (vimeo(path) / "sequences/00001/0002/im2.png").unlink()
    return Vimeo90K(path, **SMALL)


@pytest.mark.parametrize(
    ("make", "stage", "message"),
    [
        (wrong_kodak, "test", r"1 of the 24 Kodak images are missing \(kodim07\.png\)"),
        (
            wrong_clic,
            "fit",
            r"no mobile images of CLIC 2020 for train; looked for .*mobile_train_2020/train, .*"
            r"unpack mobile_train_2020\.zip there",
        ),
        (wrong_flickr, "fit", r"not laid out as Flickr2W; looked for .*flicker_2W_images"),
        (wrong_vimeo, "fit", r"not laid out as .*looked for tri_trainlist\.txt and sequences/"),
        (wrong_vimeo_list, "fit", r"tri_trainlist\.txt, line 2: '\.\./0002'; expected a triplet"),
        (missing_vimeo_frame, "fit", r"0002/im2\.png: not a file that can be read"),
    ],
)
def test_another_layout_is_refused_with_what_was_looked_for(
    tmp_path: Path, make: Any, stage: str, message: str
) -> None:
    with pytest.raises(CorpusError, match=message) as raised:
        make(tmp_path).setup(stage)
    assert str(tmp_path) in str(raised.value)


@pytest.mark.parametrize("kind", [ImageFolder, Kodak, Clic, Flickr2W, Vimeo90K])
def test_a_missing_folder_is_named(tmp_path: Path, kind: Any) -> None:
    stage = "validate" if kind is Kodak else "fit"
    with pytest.raises(CorpusError, match=r"nowhere: no such folder; --data\.path expects"):
        kind(tmp_path / "nowhere").setup(stage)
    (tmp_path / "file").touch()
    with pytest.raises(CorpusError, match="file: a file, not a folder"):
        kind(tmp_path / "file").setup(stage)
