"""Mirrored convolutions: sizes as of plain ones, other values at the edges alone."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from lic_models.components import ConvolutionalTransform
from lic_models.components.transforms.mirrored import (
    MirroredConv2d,
    MirroredConvTranspose2d,
    mirrored,
)
from pytest_lic.errors import UnknownNameError


@pytest.mark.parametrize("side", [3, 5])
@pytest.mark.parametrize("size", [(2, 2), (6, 4), (8, 12)])
def test_a_convolution_sees_the_content_mirrored(side: int, size: tuple[int, int]) -> None:
    layer, values = MirroredConv2d(2, 3, side, 2, side // 2), torch.randn(1, 2, *size)
    way = "reflect" if min(size) > side // 2 else "replicate"
    padded = F.pad(values, (side // 2,) * 4, way)
    assert torch.equal(layer(values), F.conv2d(padded, layer.weight, layer.bias, 2))


@pytest.mark.parametrize("side", [3, 5])
def test_a_transposed_one_gives_what_the_middle_of_a_mirrored_input_gives(side: int) -> None:
    layer = MirroredConvTranspose2d(2, 3, side, 2, side // 2, output_padding=1)
    values = torch.randn(1, 2, 4, 6)
    plain = nn.ConvTranspose2d(2, 3, side, 2, side // 2, output_padding=1)
    plain.load_state_dict(layer.state_dict())
    wide = plain(mirrored(values, 3))[..., 6:-6, 6:-6]
    found = layer(values)
    assert found.shape == plain(values).shape == (1, 3, 8, 12)
    assert torch.allclose(found, wide, atol=1e-6)
    assert not torch.allclose(found, plain(values), atol=1e-6)


def test_even_a_single_position_is_mirrored() -> None:
    assert mirrored(torch.ones(1, 1, 1, 1), 2).sum() == 25


def test_a_flat_image_stays_flat_up_to_its_edges() -> None:
    images = torch.full((1, 3, 64, 64), 0.5)
    spreads = {}
    for padding in ("zeros", "mirror"):
        torch.manual_seed(0)
        transform = ConvolutionalTransform(channels=8, latent_channels=8, padding=padding)
        spreads[padding] = float(transform.analysis(images).std((2, 3)).max().detach())
    assert spreads["mirror"] < 1e-5 < spreads["zeros"]


def test_another_padding_is_refused() -> None:
    with pytest.raises(UnknownNameError, match=r"mirro"):
        ConvolutionalTransform(padding="mirro")  # type: ignore[arg-type]
