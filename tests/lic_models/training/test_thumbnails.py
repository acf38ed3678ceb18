"""Training of a thumbnail synthesis: what it learns from, and that it learns."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from lic_models.data.image_set import ImageSet
from lic_models.data.scan import examine, images_below
from lic_models.training.thumbnails import (
    crops_of,
    decoded_crops,
    new_thumbnail,
    train_thumbnail,
)
from pytest_lic.errors import UsageError
from tests.helpers.grouped_codec import grouped_codec
from tests.helpers.image_folders import write_images

pytestmark = pytest.mark.usefixtures("one_thread")


def nothing(step: int, loss: float) -> None:
    pass


def bent(count: int = 64) -> tuple[Tensor, Tensor]:
    """Latents, and images that are no linear map of them."""
    latents = torch.randn((count, 9, 4, 4), generator=torch.Generator().manual_seed(0))
    folded = latents[:, :3].abs().repeat_interleave(4, 1)
    return latents, 0.1 * F.pixel_shuffle(folded, 2)


def test_it_learns_what_no_linear_map_can() -> None:
    latents, images = bent()
    thumbnail = new_thumbnail(grouped_codec(), 2, 0)
    thumbnail.fit(latents, images)
    linear = float(F.mse_loss(thumbnail(latents).detach(), images))
    told: list[int] = []
    loss = train_thumbnail(thumbnail, latents, images, 200, 0, lambda step, _: told.append(step))
    assert told == [*range(1, 201)]
    assert loss < 0.5 * linear
    assert not thumbnail.training


def test_it_comes_out_the_same_whatever_was_drawn_before() -> None:
    states = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        thumbnail = new_thumbnail(grouped_codec(), 2, 0)
        train_thumbnail(thumbnail, *bent(), 5, 0, nothing)
        states.append(thumbnail.state_dict())
    for name, value in states[0].items():
        assert torch.equal(states[1][name], value), name


def test_a_codec_without_groups_gets_none() -> None:
    codec = grouped_codec("CheckerboardContext")
    with pytest.raises(UsageError, match="all channels are decoded together"):
        new_thumbnail(codec, 2, 0)
    assert codec.thumbnail is None


def test_latents_are_those_that_are_decoded_and_targets_are_means_of_blocks() -> None:
    codec = grouped_codec()
    crops = torch.rand((2, 3, 32, 48), generator=torch.Generator().manual_seed(0))
    latents, targets = decoded_crops(codec, crops, 5)
    coded = codec.compress(crops)
    for index in range(2):
        strings = [each[index] for each in coded["strings"]]
        decoded = codec.latent_coding.decompress(strings, coded["shape"])
        torch.testing.assert_close(latents[index], decoded[:5], rtol=1e-4, atol=1e-4)
    assert targets.shape == (2, 3, 4, 6)
    torch.testing.assert_close(targets[0, :, 1, 2], crops[0, :, 8:16, 16:24].mean((1, 2)))


@pytest.mark.parametrize("count", [1, 3, 8, 9, 60])
def test_as_many_crops_as_are_asked_for_and_no_image_decoded_twice(
    count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_images(tmp_path, *(f"{number}.png" for number in range(5)))
    images = ImageSet(tuple(examine(images_below(tmp_path), 1, "raise")))
    read: list[int] = []
    plain = ImageSet.read
    monkeypatch.setattr(
        ImageSet, "read", lambda self, index: read.append(index) or plain(self, index)
    )
    batches = list(crops_of(images, 16, count, 0))
    assert sum(map(len, batches)) == count
    assert all(batch.shape[1:] == (3, 16, 16) for batch in batches)
    assert len(read) == len(set(read)) == min(count, 5)
    again = list(crops_of(images, 16, count, 0))
    assert all(torch.equal(one, other) for one, other in zip(batches, again, strict=True))
