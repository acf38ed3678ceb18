"""Octave convolutions, against their four paths written out."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lic_models.components import GDN, GeneralisedOctaveTransform, OctaveTransform, ReLU
from lic_models.components.transforms.octave import (
    GeneralisedOctaveConvolution,
    OctaveConvolution,
)
from pytest_lic.errors import UsageError

pytestmark = pytest.mark.usefixtures("one_thread")


def parts(*channels: int) -> list[Tensor]:
    """A high part of 8 × 12 and a low one of 4 × 6."""
    torch.manual_seed(0)
    sizes = ((8, 12), (4, 6))
    return [
        torch.randn(2, count, *size, dtype=torch.float64)
        for count, size in zip(channels, sizes, strict=True)
    ]


def halved(features: Tensor, layer: nn.Module, stride: int = 2) -> Tensor:
    return F.conv2d(features, layer.weight, layer.bias, stride, 1)


def doubled(features: Tensor, layer: nn.Module) -> Tensor:
    return F.conv_transpose2d(features, layer.weight, layer.bias, 2, 1, 1)


def same(parts: tuple[Tensor, Tensor], expected: tuple[Tensor, Tensor]) -> None:
    for part, other in zip(parts, expected, strict=True):
        torch.testing.assert_close(part, other, rtol=0, atol=1e-12)


def test_each_part_is_the_sum_of_two_paths() -> None:
    layer, (high, low) = OctaveConvolution((3, 2), (4, 5), 3, ReLU).double(), parts(3, 2)
    pooled = high.unflatten(3, (6, 2)).unflatten(2, (4, 2)).mean((3, 5))
    highs = halved(high, layer.high_to_high) + halved(low, layer.low_to_high, stride=1)
    lows = halved(low, layer.low_to_low) + halved(pooled, layer.high_to_low[1])
    same(layer(high, low), (highs.relu(), lows.relu()))


def test_upwards_too() -> None:
    layer, (high, low) = OctaveConvolution((3, 2), (4, 5), 3, up=True).double(), parts(3, 2)
    crossed = doubled(low, layer.low_to_high[0])
    repeated = crossed.repeat_interleave(2, 2).repeat_interleave(2, 3)
    highs = doubled(high, layer.high_to_high) + repeated
    lows = doubled(low, layer.low_to_low) + halved(high, layer.high_to_low, stride=1)
    same(layer(high, low), (highs, lows))


@pytest.mark.parametrize("up", [False, True])
def test_a_generalised_one_is_activated_before_its_parts_cross(up: bool) -> None:
    layer = GeneralisedOctaveConvolution((3, 2), (4, 5), 3, ReLU, up).double()
    high, low = parts(3, 2)
    resized = doubled if up else halved
    own_high, own_low = resized(high, layer.high[0]).relu(), resized(low, layer.low[0]).relu()
    highs = own_high + doubled(own_low, layer.low_to_high)
    same(layer(high, low), (highs, own_low + halved(own_high, layer.high_to_low)))


def test_the_low_part_reaches_the_latent() -> None:
    transform = OctaveTransform(channels=4, latent_channels=2).double()
    join = transform.analysis.layers[-1]
    high, low = torch.zeros(1, 2, 4, 4).double(), torch.randn(1, 2, 2, 2).double()
    latents, none = join(high, low)
    assert none is None
    assert latents.shape == (1, 2, 2, 2)
    assert not torch.allclose(latents, join(high, 2 * low)[0])


@pytest.mark.parametrize(("kind", "count"), [(OctaveTransform, 6), (GeneralisedOctaveTransform, 5)])
def test_nonlinearities_know_their_side_and_none_follows_the_last_layer(
    kind: type[OctaveTransform], count: int
) -> None:
    transform = kind(channels=4)
    for side, inverse in ((transform.analysis, False), (transform.synthesis, True)):
        found = [module for module in side.modules() if isinstance(module, GDN)]
        assert [module.inverse for module in found] == [inverse] * count
        assert not any(isinstance(module, GDN) for module in side.layers[-1].modules())


def test_alpha_is_the_share_of_the_low_part() -> None:
    layer = OctaveTransform(channels=8, alpha=0.25).analysis.layers[1]
    assert layer.high_to_high.weight.shape[:2] == (6, 6)
    assert layer.low_to_low.weight.shape[:2] == (2, 2)


@pytest.mark.parametrize("alpha", [-0.5, 0.0, 0.01, 0.99, 1.0, float("nan")])
def test_a_share_that_leaves_a_part_without_channels_is_refused(alpha: float) -> None:
    with pytest.raises(UsageError, match=r"alpha: \S+ of 8 channels; expected a share between"):
        OctaveTransform(channels=8, alpha=alpha)
