"""Swin blocks between convolutions."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from lic_models.components import SwinTransform
from lic_models.components.transforms.windows import WindowAttention

pytestmark = pytest.mark.usefixtures("one_thread")


def test_every_second_block_has_its_windows_shifted_by_half() -> None:
    made = SwinTransform(channels=4, heads=2, window=5, depths=(3, 0, 2))
    for side in (made.analysis, made.synthesis):
        kinds = [isinstance(layer, nn.Conv2d | nn.ConvTranspose2d) for layer in side]
        mirrored = kinds if side is made.analysis else kinds[::-1]
        assert mirrored == [True, False, True, True, False, True]
        shifts = [
            [each.shift for each in layer.modules() if isinstance(each, WindowAttention)]
            for layer, is_convolution in zip(side, kinds, strict=True)
            if not is_convolution
        ]
        assert sorted(shifts) == [[0, 2], [0, 2, 0]]


@torch.no_grad()
def test_a_block_adds_attention_and_then_two_layers_of_each_token_alone() -> None:
    torch.manual_seed(0)
    made = SwinTransform(channels=4, heads=2, window=2, depths=(1, 0, 0), expansion=3).double()
    blocks = made.analysis[1]
    features = torch.randn(2, 4, 3, 4, dtype=torch.float64)
    assert torch.equal(blocks(features), features)
    for layer in blocks.modules():
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=0.3)
    (attention,) = (each for each in blocks.modules() if isinstance(each, WindowAttention))
    linear = [each for each in blocks.modules() if isinstance(each, nn.Linear)][2:]
    assert [each.out_features for each in linear] == [12, 4]

    tokens = features.permute(0, 2, 3, 1)
    tokens = tokens + attention(normed(tokens))
    wide = linear[0](normed(tokens))
    tokens = tokens + linear[1](0.5 * wide * (1 + torch.erf(wide / 2**0.5)))
    torch.testing.assert_close(blocks(features), tokens.permute(0, 3, 1, 2))


def normed(tokens: torch.Tensor) -> torch.Tensor:
    centred = tokens - tokens.mean(-1, keepdim=True)
    return centred / (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt()
