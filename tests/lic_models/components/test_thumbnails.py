"""The synthesis of thumbnails: which channels it takes, what it gives, and what it refuses."""

from __future__ import annotations

import pytest
import torch

from lic_models.components import ThumbnailSynthesis
from pytest_lic.errors import UsageError


def built(groups: int = 2, channels: int = 8) -> ThumbnailSynthesis:
    torch.manual_seed(0)
    thumbnail = ThumbnailSynthesis(groups, channels)
    thumbnail.build([2, 3, 4])
    return thumbnail


@pytest.mark.parametrize("size", [(1, 1), (3, 5)])
def test_a_thumbnail_has_twice_the_latents_sides(size: tuple[int, int]) -> None:
    assert built()(torch.randn(2, 9, *size)).shape == (2, 3, 2 * size[0], 2 * size[1])


@pytest.mark.parametrize(("groups", "channels"), [(1, 2), (2, 5), (3, 9)])
def test_it_sees_the_channels_of_its_groups_and_no_others(groups: int, channels: int) -> None:
    thumbnail, latents = built(groups), torch.randn(1, 9, 3, 4)
    assert thumbnail.latent_channels == channels
    changed = latents.clone()
    changed[:, channels:] += 1
    assert torch.equal(thumbnail(latents), thumbnail(changed))
    changed = latents.clone()
    changed[:, channels - 1] += 1
    assert not torch.allclose(thumbnail(latents), thumbnail(changed))


def test_it_has_a_few_ten_thousand_parameters_at_most() -> None:
    thumbnail = ThumbnailSynthesis()
    thumbnail.build([16, 16, 32, 64])
    assert sum(value.numel() for value in thumbnail.parameters()) < 30_000


def test_it_begins_with_the_best_linear_prediction() -> None:
    thumbnail, other = built(), built()
    draws = torch.Generator().manual_seed(0)
    latents = 5 + 50 * torch.randn(8, 9, 12, 12, generator=draws)
    with torch.no_grad():
        other.correction[2].weight.zero_()
        images = other(latents)
    thumbnail.fit(latents, images)
    torch.testing.assert_close(thumbnail(latents), images, rtol=1e-3, atol=1e-3)
    noisy = images + torch.randn(images.shape, generator=draws)
    thumbnail.fit(latents, noisy)
    assert float((thumbnail(latents).detach() - noisy).square().mean()) < 1


def test_channels_that_never_change_do_no_harm() -> None:
    thumbnail, latents = built(), torch.zeros(2, 9, 4, 4)
    thumbnail.fit(latents, torch.full((2, 3, 8, 8), 0.5))
    torch.testing.assert_close(thumbnail(latents), torch.full((2, 3, 8, 8), 0.5))


@pytest.mark.parametrize(("groups", "channels"), [(0, 8), (2, 0)])
def test_no_groups_or_channels_are_refused(groups: int, channels: int) -> None:
    with pytest.raises(UsageError, match=r"thumbnail: groups: .* expected at least 1 of each"):
        ThumbnailSynthesis(groups, channels)


@pytest.mark.parametrize("sizes", [[], [9]])
def test_channels_that_are_decoded_together_are_refused(sizes: list[int]) -> None:
    with pytest.raises(UsageError, match="all channels are decoded together; expected a context"):
        ThumbnailSynthesis().build(sizes)


def test_more_groups_than_there_are_are_refused() -> None:
    with pytest.raises(UsageError, match=r"3 groups; expected 1 to 2, .* \(of 4, 5 channels\)"):
        ThumbnailSynthesis(3).build([4, 5])
