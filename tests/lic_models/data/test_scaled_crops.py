"""Crops of images that were scaled beforehand: where they come from, and what they follow from."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from lic_models.data.module import CropDataModule
from pytest_lic.errors import CorpusError
from tests.helpers.image_folders import batches, cut_short, folder, samples, write_image

PRESCALED: dict[str, Any] = {"prescaled": 2, "scale": (0.5, 1.0), "mirror": False}


def test_crops_are_parts_of_the_images_in_their_sizes(photographs: Path) -> None:
    crops = samples(batches(folder(photographs, **PRESCALED))).reshape(-1, 16, 16, 3)
    steps = {int(row[8, 0]) - int(row[7, 0]) for crop in crops for row in crop}
    # An image's red rises by 4 a column; scaled by 0.625 and 0.875, by 6.4 and 4.6.
    assert steps <= {4, 5, 6, 7}
    assert {6, 7} & steps
    assert {4, 5} & steps


def test_half_of_them_are_mirrored(photographs: Path) -> None:
    options = PRESCALED | {"mirror": True, "batch_size": 16}
    crops = samples(batches(folder(photographs, **options))).reshape(-1, 16, 16, 3)
    falls = [bool(crop[0, 15, 0] < crop[0, 0, 0]) for crop in crops]
    assert 0.3 < sum(falls) / len(falls) < 0.7


def test_an_image_is_scaled_no_further_than_a_crop_still_fits(photographs: Path) -> None:
    write_image(photographs / "small.png", width=17, height=16)
    assert batches(folder(photographs, **PRESCALED)).shape[-2:] == (16, 16)


def test_a_step_has_the_same_batch_wherever_training_started(photographs: Path) -> None:
    whole = batches(folder(photographs, steps_per_epoch=10, **PRESCALED))
    assert not torch.equal(whole[0], whole[1])
    module = folder(photographs, steps_per_epoch=5, **PRESCALED)
    start_at(module, 3)
    assert torch.equal(torch.stack(list(module.train_dataloader())), whole[3:8])
    other = batches(folder(photographs, steps_per_epoch=10, seed=2, **PRESCALED))
    assert not torch.equal(other, whole)


def start_at(module: CropDataModule, step: int) -> None:
    progress = SimpleNamespace(total=SimpleNamespace(processed=step))
    loops = SimpleNamespace(epoch_loop=SimpleNamespace(batch_progress=progress))
    strategy = SimpleNamespace(root_device=torch.device("cpu"))
    module.trainer = SimpleNamespace(  # type: ignore[assignment]
        world_size=1, fit_loop=loops, strategy=strategy
    )


def test_a_damaged_image_is_named_or_left_out(photographs: Path) -> None:
    damaged = cut_short(write_image(photographs / "damaged.png"))
    with pytest.raises(CorpusError, match=r"damaged\.png"):
        batches(folder(photographs, keep_in_memory=False, validation_share=0.0, **PRESCALED))
    with pytest.warns(UserWarning, match=damaged.name):
        batches(folder(photographs, on_broken="skip", validation_share=0.0, **PRESCALED))


def test_without_scales_the_images_have_their_own_size(photographs: Path) -> None:
    crops = samples(batches(folder(photographs, **PRESCALED | {"scale": None})))
    assert {int(step) for step in np.diff(crops.reshape(-1, 16, 3)[..., 0].astype(int)).flat} == {4}


def test_crops_that_are_not_random_are_cut_as_ever(photographs: Path) -> None:
    options = {"crop": "centre", "mirror": False, "scale": None}
    plain = batches(folder(photographs, **options))
    assert torch.equal(batches(folder(photographs, prescaled=3, **options)), plain)
