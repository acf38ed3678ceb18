"""Published layouts (kodak, clic, flickr2w, vimeo90k), the bundled images, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from lic_models.data import BundledPhotographs, Clic, Flickr2W, ImageFolder, Kodak, Vimeo90K
from lic_models.data.module import CropDataModule
from pytest_lic.errors import CorpusError, UsageError
from tests.helpers.image_folders import (
    SMALL,
    batches,
    folder,
    kodak,
    names,
    write_image,
    write_images,
)


def test_kodak_is_for_evaluation_only(tmp_path: Path) -> None:
    module = Kodak(kodak(tmp_path), crop_size=16)
    module.setup("validate")
    module.setup("test")
    assert len(torch.cat(list(module.val_dataloader()))) == len(module.test_dataloader()) == 24
    assert names(module, "test")[0] == "kodim01.png"
    with pytest.raises(UsageError, match=r"Kodak is for evaluation only.*train on another"):
        module.setup("fit")


@pytest.mark.parametrize(
    ("train", "valid", "test"),
    [
        ("{0}_train_2020/train", "{0}_valid_2020/valid", "CLIC2020{1}_test/{0}"),
        ("{0}_train_2020", "{0}_valid_2020", "CLIC2020{1}_test"),
        ("{0}_train", "{0}_valid", "{0}_test"),
        ("{0}/train", "{0}/valid", "{0}/test"),
        ("train", "valid", "{0}"),
    ],
)
def test_clic_is_found_in_every_layout(tmp_path: Path, train: str, valid: str, test: str) -> None:
    for number, part in enumerate(("mobile", "professional")):
        for folder_name in (train, valid, test):
            path = tmp_path / folder_name.format(part, part.capitalize())
            write_image(path / f"{part}-{path.name}.png", number)
    for part in ("mobile", "professional", "both"):
        module = Clic(tmp_path, part, **SMALL)
        module.setup("fit")
        module.setup("test")
        expected = 2 if part == "both" else 1
        assert len(names(module, "test")) == expected
        assert (
            len(names(module, "train"))
            == len(names(module, "validation"))
            == (2 if train == "train" else expected)
        )
        if part != "both" and train != "train":
            assert all(part in name for name in names(module, "train"))


def test_flickr2w_is_one_flat_folder(tmp_path: Path) -> None:
    images = write_images(tmp_path / "flicker_2W_images", "1.jpg", "2.jpg", "crops/3.jpg")
    for path in (images, tmp_path):
        module = Flickr2W(path, **SMALL)
        module.setup("fit")
        assert sorted(names(module, "train") + names(module, "validation")) == ["1.jpg", "2.jpg"]
    with pytest.raises(UsageError, match=r"Flickr2W has no images for test.*Kodak"):
        module.setup("test")


def vimeo(path: Path, triplets: int = 6) -> Path:
    for number in range(triplets):
        write_images(path / f"sequences/00001/{number:04}", "im1.png", "im2.png", "im3.png")
    lines = [f"00001/{number:04}\n" for number in range(triplets)]
    (path / "tri_trainlist.txt").write_text("".join(lines[:-1]))
    (path / "tri_testlist.txt").write_text(lines[-1] + "\n")
    return path


def test_vimeo_frames_are_images_and_a_triplet_stays_together(tmp_path: Path) -> None:
    vimeo(tmp_path / "vimeo_triplet")
    for path in (tmp_path, tmp_path / "vimeo_triplet"):
        module = Vimeo90K(path, validation_share=0.3, **SMALL)
        module.setup("fit")
        module.setup("test")
        held_out, trained_on = names(module, "validation"), names(module, "train")
        assert len(held_out) + len(trained_on) == 15
        assert not {n[:10] for n in held_out} & {n[:10] for n in trained_on}
        assert names(module, "test") == [f"00001/0005/im{n}.png" for n in (1, 2, 3)]


def test_the_bundled_photographs_need_nothing() -> None:
    module = BundledPhotographs(**SMALL)
    module.setup("fit")
    module.setup("test")
    assert [len(module.images(s)) for s in ("train", "validation", "test")] == [4, 1, 5]
    assert batches(module).shape == (4, 3, 3, 16, 16)
    with pytest.raises(CorpusError, match=r"\d+×\d+ pixels, smaller than the crop of 500×500"):
        BundledPhotographs(crop_size=500).setup("fit")


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


def test_a_folder_without_images_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(CorpusError, match=f"{tmp_path}: no image in it"):
        folder(tmp_path).setup("fit")
