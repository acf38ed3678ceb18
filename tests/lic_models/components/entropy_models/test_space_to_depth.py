"""Space-to-depth layers: sizes, and the strided convolutions that are among them."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from lic_models.components.entropy_models.space_to_depth import (
    doubling,
    doubling_like,
    halved,
    halving,
    halving_like,
)

N = 3
each_size = pytest.mark.parametrize("size", [(1, 1), (1, 4), (5, 2), (7, 9)])
each_kernel = pytest.mark.parametrize("kernel", [1, 3, 5])


def start(layers: nn.Sequential, weights: dict[str, torch.Tensor]) -> nn.Sequential:
    unexpected = layers.load_state_dict(weights, strict=False).unexpected_keys
    assert unexpected == []
    return layers


@each_size
@each_kernel
def test_halving_can_be_a_convolution_of_stride_2(size: tuple[int, int], kernel: int) -> None:
    strided = nn.Conv2d(N, N, kernel, 2, kernel // 2)
    layers = start(halving(N, kernel), halving_like(strided.weight, strided.bias))
    samples = torch.randn(2, N, *size)
    found = layers(samples)
    assert found.shape[-2:] == halved(size)
    torch.testing.assert_close(found, strided(samples))


@each_size
@each_kernel
def test_doubling_can_be_a_transposed_one(size: tuple[int, int], kernel: int) -> None:
    strided = nn.ConvTranspose2d(N, N, kernel, 2, kernel // 2, output_padding=1)
    layers = start(doubling(N, kernel), doubling_like(strided.weight, strided.bias))
    samples = torch.randn(2, N, *size)
    torch.testing.assert_close(layers(samples), strided(samples))


def test_halving_loses_no_sample() -> None:
    layers = halving(N, 1)
    samples = torch.randn(1, N, 4, 4, requires_grad=True)
    layers(samples).square().sum().backward()
    assert bool((samples.grad != 0).all())
