"""Residual blocks, told by their formulas."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lic_models.components import GDN, ResidualAttentionTransform, ResidualTransform
from lic_models.components.transforms.attention import GatedAttention

pytestmark = pytest.mark.usefixtures("one_thread")


def transform(kind: type[ResidualTransform] = ResidualTransform) -> ResidualTransform:
    torch.manual_seed(0)
    return kind(channels=4, latent_channels=6, blocks=(0, 1, 2)).double()


def rectified(features: Tensor) -> Tensor:
    return torch.where(features < 0, 0.01 * features, features)


def convolutions(block: nn.Module) -> list[tuple[Tensor, Tensor | None]]:
    return [(each.weight, each.bias) for each in block.modules() if isinstance(each, nn.Conv2d)]


def normalisation(block: nn.Module) -> GDN:
    (found,) = (each for each in block.modules() if isinstance(each, GDN))
    return found


@torch.no_grad()
def test_the_blocks_are_a_shortcut_and_two_convolutions() -> None:
    made, features = transform(), torch.randn(2, 4, 4, 6, dtype=torch.float64)
    down, plain = made.analysis[1], made.analysis[2]
    shortcut, first, second = convolutions(down)
    branch = F.conv2d(
        rectified(F.conv2d(features, *first, stride=2, padding=1)), *second, padding=1
    )
    expected = F.conv2d(features, *shortcut, stride=2) + normalisation(down)(branch)
    torch.testing.assert_close(down(features), expected)

    first, second = convolutions(plain)
    branch = F.conv2d(rectified(F.conv2d(features, *first, padding=1)), *second, padding=1)
    torch.testing.assert_close(plain(features), features + rectified(branch))

    up = made.synthesis[4]
    shortcut, first, second = convolutions(up)
    wide = rectified(sub_pixels(F.conv2d(features, *first, padding=1)))
    branch = normalisation(up)(F.conv2d(wide, *second, padding=1))
    assert normalisation(up).inverse
    torch.testing.assert_close(up(features), sub_pixels(F.conv2d(features, *shortcut)) + branch)


def sub_pixels(features: Tensor) -> Tensor:
    """Of each four channels one, of twice the sides."""
    wide = features.new_empty(
        len(features), features.size(1) // 4, *(2 * n for n in features.shape[2:])
    )
    for row in range(2):
        for column in range(2):
            wide[:, :, row::2, column::2] = features[:, 2 * row + column :: 4]
    return wide


def test_attention_stands_at_a_quarter_and_a_sixteenth_and_nowhere_else() -> None:
    plain, attending = transform(), transform(ResidualAttentionTransform)
    images, latents = torch.rand(1, 3, 32, 64).double(), torch.rand(1, 6, 2, 4).double()
    for side, without, features in (
        (attending.analysis, plain.analysis, images),
        (attending.synthesis, plain.synthesis, latents),
    ):
        seen, others = [], []
        for layer in side:
            features = layer(features)
            if isinstance(layer, GatedAttention):
                seen.append(tuple(features.shape))
            else:
                others.append(type(layer))
        assert sorted(seen) == [(1, 4, 8, 16), (1, 6, 2, 4)]
        assert others == [type(layer) for layer in without]


def test_plain_blocks_are_as_many_as_asked_for_at_each_size() -> None:
    made, features = transform(), torch.rand(1, 3, 32, 32).double()
    sizes = []
    for layer in made.analysis:
        features = layer(features)
        sizes.append(features.size(-1))
    assert sizes == [16, 8, 8, 4, 4, 4, 2]
    sizes = []
    for layer in made.synthesis:
        features = layer(features)
        sizes.append(features.size(-1))
    assert sizes == [2, 4, 4, 4, 8, 8, 16, 32]
