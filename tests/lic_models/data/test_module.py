"""The base of the data modules: batches, splits, options."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jsonargparse
import pytest
import torch
from lightning import LightningDataModule

from lic_models.data import BundledPhotographs, Clic, Flickr2W, ImageFolder, Vimeo90K
from pytest_lic.errors import CorpusError, UsageError
from tests.helpers.image_folders import (
    HEIGHT,
    WIDTH,
    batches,
    folder,
    samples,
    write_image,
    write_images,
)


def test_batches_are_float32_rgb_in_unit_range_channels_last(photographs: Path) -> None:
    module = folder(photographs, test_path=write_images(photographs.parent / "t", "a.png"))
    module.setup("fit")
    training = list(module.train_dataloader())
    assert len(training) == len(module.train_dataloader()) == 4
    for images in (*training, *module.val_dataloader(), *module.test_dataloader()):
        assert images.dtype == torch.float32
        assert images.is_contiguous(memory_format=torch.channels_last)
        assert 0 <= images.min() < images.max() <= 1
    assert {images.shape for images in training} == {(3, 3, 16, 16)}
    assert [images.shape for images in module.test_dataloader()] == [(1, 3, HEIGHT, WIDTH)]


def test_whole_images_make_a_batch_only_if_their_sizes_agree(photographs: Path) -> None:
    assert batches(folder(photographs, crop="none")).shape[-2:] == (HEIGHT, WIDTH)
    write_image(photographs / "other.png", width=70)
    with pytest.raises(CorpusError, match=r"other\.png: 70×44 pixels.*--data\.batch_size=1"):
        folder(photographs, crop="none", validation_share=0.0).setup("fit")
    assert len(batches(folder(photographs, crop="none", batch_size=1, steps_per_epoch=1))) == 1


def test_validation_takes_fixed_centre_crops_in_order(photographs: Path) -> None:
    module = folder(photographs, validation_share=0.5, scale=None, batch_size=2)
    names = [file.name for file in module.images("validation").files]
    first, second = (torch.cat(list(module.val_dataloader())) for _ in range(2))
    assert torch.equal(first, second)
    assert [f"{crop[0, 0, 2] // 10}.png" for crop in samples(first)] == names == sorted(names)
    assert (samples(first)[:, 0, 0, 0] == 4 * (WIDTH - 16) // 2).all()


def test_validation_can_take_whole_images(photographs: Path) -> None:
    module = folder(photographs, validation_crop="none")
    assert {images.shape for images in module.val_dataloader()} == {(1, 3, HEIGHT, WIDTH)}


def test_several_devices_are_refused(photographs: Path) -> None:
    module = folder(photographs)
    module.trainer = SimpleNamespace(world_size=2)  # type: ignore[assignment]
    with pytest.raises(UsageError, match=r"training on 2 devices.*--trainer\.devices=1"):
        module.train_dataloader()


def test_training_and_validation_share_no_image(photographs: Path) -> None:
    module = folder(photographs, validation_share=0.3)
    module.setup("fit")
    parts = [{f.name for f in module.images(s).files} for s in ("train", "validation")]
    assert not parts[0] & parts[1]
    assert parts[0] | parts[1] == {f"{n}.png" for n in range(8)}


def test_a_single_image_can_not_be_held_out(tmp_path: Path) -> None:
    write_image(tmp_path / "one.png")
    with pytest.raises(CorpusError, match=r"one\.png: the only image.*validation_share=0"):
        folder(tmp_path).setup("fit")
    module = folder(tmp_path, validation_share=0.0)
    module.setup("fit")
    assert module.val_dataloader() == []
    with pytest.raises(UsageError, match="no images for validation"):
        module.setup("validate")


def test_a_folder_to_validate_on_replaces_holding_out(photographs: Path, tmp_path: Path) -> None:
    module = folder(photographs, validation_path=write_images(tmp_path / "v", "a.png", "b/c.png"))
    module.setup("fit")
    assert len(module.images("train")) == 8
    assert [file.name for file in module.images("validation").files] == ["a.png", "b/c.png"]


@pytest.mark.parametrize("option", ["validation_path", "test_path"])
def test_a_folder_to_measure_on_must_not_lie_in_the_training_folder(
    photographs: Path, option: str
) -> None:
    write_images(photographs / "held", "a.png")
    module = folder(photographs, **{option: photographs / "held"})
    with pytest.raises(UsageError, match=f"--data.{option} .*held: lies in the folder to train on"):
        module.setup("fit" if option == "validation_path" else "test")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"crop_size": 0}, r"--data\.crop_size 0: expected 1 or more"),
        ({"batch_size": 0}, r"--data\.batch_size 0"),
        ({"steps_per_epoch": 0}, r"--data\.steps_per_epoch 0"),
        ({"workers": -1}, r"--data\.workers -1: expected 0 or more"),
        ({"seed": -1}, r"--data\.seed -1"),
        ({"scale": (0.8, 0.5)}, r"--data\.scale \[0\.8, 0\.5\]: expected \[smallest, largest\]"),
        ({"scale": (0.5, 1.5)}, r"--data\.scale"),
        ({"validation_share": 1.0}, r"--data\.validation_share 1\.0"),
    ],
    ids=str,
)
def test_an_option_out_of_range_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        BundledPhotographs(**options)


def parse(**config: Any) -> Any:
    parser = jsonargparse.ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(LightningDataModule, "data")
    return parser.instantiate(parser.parse_object({"data": config})).data


@pytest.mark.parametrize("kind", [ImageFolder, Clic, Flickr2W, Vimeo90K])
def test_a_config_names_a_data_module_and_its_options(kind: Any) -> None:
    options = {"path": "photographs", "crop_size": 64, "scale": [0.5, 0.9], "on_broken": "skip"}
    module = parse(class_path=f"lic_models.data.{kind.__name__}", init_args=options)
    assert type(module) is kind
    assert module._training_recipe.scale == (0.5, 0.9)


@pytest.mark.parametrize(
    ("kind", "option"),
    [("ImageFolder", "crop_sise"), ("Clic", "validation_share"), ("Kodak", "mirror")],
)
def test_an_option_that_a_data_set_lacks_is_refused(kind: str, option: str) -> None:
    with pytest.raises(jsonargparse.ArgumentError, match=option):
        parse(class_path=f"lic_models.data.{kind}", init_args={"path": "x", option: 1})
