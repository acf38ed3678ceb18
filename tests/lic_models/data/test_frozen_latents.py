"""Latents are made once, found again, and cut as the seed says; no transform runs in training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from lic_models.data.crops import CropRecipe
from lic_models.data.frozen_latents import Frozen, FrozenLatents
from lic_models.data.image_set import ImageSet, load_images
from lic_models.data.scan import examine
from pytest_lic.errors import UsageError

RECIPE = CropRecipe("random", 32, (0.5, 1.0), mirror=True)


@pytest.fixture
def images(tmp_path: Path) -> ImageSet:
    generator = np.random.default_rng(1)
    files = {}
    for name, size in (("one.png", (70, 90, 3)), ("two.png", (64, 100, 3))):
        Image.fromarray(generator.integers(0, 256, size, np.uint8)).save(tmp_path / name)
        files[name] = tmp_path / name
    return load_images(examine(files, 32, "raise"), None, "raise")


class Analysis:
    """Means of 8 × 8 pixels; counts how often it runs."""

    def __init__(self) -> None:
        self.runs = 0

    def __call__(self, batch: Tensor) -> Tensor:
        self.runs += 1
        assert batch.size(2) % 8 == batch.size(3) % 8 == 0
        return F.avg_pool2d(batch, 8)


def frozen(folder: Path, analysis: Analysis, digest: str = "a") -> Frozen:
    return Frozen(analysis, 8, digest, folder)


def test_they_are_made_once_and_found_again(images: ImageSet, tmp_path: Path) -> None:
    analysis = Analysis()
    first = FrozenLatents(images, RECIPE, 2, 5, frozen(tmp_path / "kept", analysis))
    assert analysis.runs == 2 * 2 * 2, "images, sizes, mirrored or not"
    again = FrozenLatents(images, RECIPE, 2, 5, frozen(tmp_path / "kept", analysis))
    assert analysis.runs == 8
    assert again.path == first.path
    for step in range(3):
        assert torch.equal(first.batch(step, 4), again.batch(step, 4))
    assert first.batch(0, 4).shape == (4, 3, 4, 4)
    assert not torch.equal(first.batch(0, 4), first.batch(1, 4))
    other = FrozenLatents(images, RECIPE, 2, 6, frozen(tmp_path / "kept", analysis))
    assert not torch.equal(first.batch(0, 4), other.batch(0, 4))


@pytest.mark.parametrize("change", ["digest", "sizes", "recipe"])
def test_others_are_kept_apart(images: ImageSet, tmp_path: Path, change: str) -> None:
    kept = tmp_path / "kept"
    first = FrozenLatents(images, RECIPE, 2, 5, frozen(kept, Analysis()))
    analysis = Analysis()
    other = FrozenLatents(
        images,
        CropRecipe("random", 32, (0.6, 1.0), mirror=True) if change == "recipe" else RECIPE,
        3 if change == "sizes" else 2,
        5,
        frozen(kept, analysis, "b" if change == "digest" else "a"),
    )
    assert analysis.runs
    assert other.path != first.path


def test_crops_are_of_the_images(images: ImageSet, tmp_path: Path) -> None:
    recipe = CropRecipe("random", 32, None)
    latents = FrozenLatents(images, recipe, 0, 5, frozen(tmp_path, Analysis()))
    whole = [
        F.avg_pool2d(torch.from_numpy(np.array(images.read(at))).permute(2, 0, 1) / 255.0, 8)
        for at in range(2)
    ]
    for crop in latents.batch(0, 8):
        found = [
            torch.allclose(image[:, top : top + 4, left : left + 4], crop, atol=1e-6)
            for image in whole
            for top in range(image.size(1) - 3)
            for left in range(image.size(2) - 3)
        ]
        assert sum(found) == 1


def test_what_was_cut_off_is_made_anew_and_damage_is_told(images: ImageSet, tmp_path: Path) -> None:
    first = FrozenLatents(images, RECIPE, 2, 5, frozen(tmp_path / "kept", Analysis()))
    (first.path / "shapes.json").unlink()
    analysis = Analysis()
    FrozenLatents(images, RECIPE, 2, 5, frozen(tmp_path / "kept", analysis))
    assert analysis.runs == 8
    (first.path / "latents.npy").write_bytes(b"cut")
    with pytest.raises(UsageError, match="remove the folder if it is damaged"):
        FrozenLatents(images, RECIPE, 2, 5, frozen(tmp_path / "kept", Analysis()))
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="can't be kept in"):
        FrozenLatents(images, RECIPE, 2, 5, frozen(tmp_path / "file", Analysis()))
