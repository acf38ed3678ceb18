"""Transforms that mirror each other."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from lic_models.components import GSDN, ConvolutionalTransform, ReLU
from lic_models.components.transforms import WIDTHS
from pytest_lic.errors import UnknownNameError, UsageError


@pytest.mark.parametrize("width", WIDTHS)
def test_widths_are_the_named_ones(width: str) -> None:
    n, m = {"pico": (32, 48), "small": (128, 192), "large": (192, 320)}[width]
    transform = ConvolutionalTransform(width)
    analysis, synthesis = (list(each.children()) for each in parts(transform))
    assert [layer.out_channels for layer in analysis[::2]] == [n, n, n, m]
    assert [layer.out_channels for layer in synthesis[::2]] == [n, n, n, 3]
    assert transform.latent_channels == m
    assert [layer.channels for layer in (*analysis[1::2], *synthesis[1::2])] == [n] * 6


def test_a_nonlinearity_stands_between_all_layers_and_knows_its_side() -> None:
    transform = ConvolutionalTransform(channels=4, nonlinearity=GSDN)
    analysis, synthesis = (list(each.children()) for each in parts(transform))
    for layers, inverse in ((analysis, False), (synthesis, True)):
        assert [isinstance(layer, GSDN) for layer in layers] == [False, True] * 3 + [False]
        assert {layer.inverse for layer in layers[1::2]} == {inverse}


def parts(transform: ConvolutionalTransform) -> tuple[nn.Module, nn.Module]:
    return transform.analysis, transform.synthesis


def shapes_through(sequence: nn.Module, given: Tensor) -> tuple[list[torch.Size], Tensor]:
    shapes = [given.shape]
    for layer in sequence.children():
        given = layer(given)
        shapes.append(given.shape)
    return shapes, given


@pytest.mark.parametrize("kernel_sizes", [(5, 5, 5, 5), (5, 5, 3, 3), (3, 7, 5, 9)])
@pytest.mark.parametrize("size", [(16, 16), (48, 80), (176, 16)])
def test_down_and_up_mirror_each_other_at_odd_multiples_of_16(
    size: tuple[int, int], kernel_sizes: tuple[int, ...]
) -> None:
    transform = ConvolutionalTransform(
        channels=4, latent_channels=6, nonlinearity=ReLU, kernel_sizes=kernel_sizes
    )
    down, latents = shapes_through(transform.analysis, torch.rand(2, 3, *size))
    up, images = shapes_through(transform.synthesis, latents)
    assert latents.shape == (2, 6, size[0] // 16, size[1] // 16)
    assert down == up[::-1]
    assert images.shape == (2, 3, *size)
    assert transform.downsampling_factor == 16


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"width": "pica"}, "no width is named 'pica'; did you mean pico"),
        ({"channels": 0}, "channels: 0 and latent_channels: 48; expected at least 1 of each"),
        ({"latent_channels": -1}, "channels: 32 and latent_channels: -1; expected at least 1"),
        ({"kernel_sizes": (5, 5, 5)}, r"\[5, 5, 5\]; expected four odd numbers from 3 on"),
        ({"kernel_sizes": (5, 4, 5, 5)}, r"\[5, 4, 5, 5\]; expected four odd numbers"),
        ({"kernel_sizes": (5, 5, 5, 1)}, r"\[5, 5, 5, 1\]; expected four odd numbers"),
    ],
)
def test_what_makes_no_transform_is_refused(arguments: dict[str, object], told: str) -> None:
    make: Callable[..., object] = ConvolutionalTransform
    with pytest.raises(UsageError, match=told) as refused:
        make(**arguments)
    assert isinstance(refused.value, UnknownNameError) == ("width" in arguments)
