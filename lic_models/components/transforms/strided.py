"""Four strided layers down and four up, with blocks of any kind where resolutions are low."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from torch import nn

from lic_models.components.nonlinearities import Nonlinearity
from pytest_lic.errors import UsageError

Channels = TypeVar("Channels")


def strided_layers(
    channels: Channels,
    latent_channels: Channels,
    nonlinearity: Callable[[Channels, bool], Nonlinearity] | None,
    kernel_sizes: Sequence[int],
    block: Callable[[int], nn.Module | None] = lambda depth: None,
    *,
    image: Any = 3,
    layers: tuple[Callable[..., nn.Module], Callable[..., nn.Module]] = (
        nn.Conv2d,
        nn.ConvTranspose2d,
    ),
) -> tuple[nn.Sequential, nn.Sequential]:
    """Analysis, (B, 3, H, W) → (B, M, H/16, W/16), and the synthesis that mirrors it.

        image ─ ↓2, nonlinearity, block ─ ↓2, nonlinearity, block ─ ↓2, …, block ─ ↓2 ─ latent

    Args:
        channels: N, between the layers.
        latent_channels: M.
        nonlinearity: its class; the N channels and ``inverse`` are given to it. None for none.
        kernel_sizes: side of each layer's kernel, odd; that of the image's layer first.
        block: makes a module that keeps the shape (B, N, h, w), for both sides, where it stands
            after so many strided layers, from 1 to 3; None for none.
        image: channels of the image, in whatever way the layers take them.
        layers: classes of the convolution and of the transposed one.

    Raises:
        UsageError: no four odd kernels.
    """
    check_kernel_sizes(kernel_sizes)
    down_layer, up_layer = layers
    widths: list[Any] = [image, channels, channels, channels, latent_channels]
    analysis: list[nn.Module] = []
    synthesis: list[nn.Module] = []
    for index, size in enumerate(kernel_sizes):
        inner, outer = widths[index : index + 2]
        if index > 0:
            if nonlinearity is not None:
                analysis.append(nonlinearity(inner, False))
                synthesis.insert(0, nonlinearity(inner, True))
            down, up = block(index), block(index)
            if down is not None and up is not None:
                analysis.append(down)
                synthesis.insert(0, up)
        analysis.append(down_layer(inner, outer, size, 2, size // 2))
        synthesis.insert(0, up_layer(outer, inner, size, 2, size // 2, output_padding=1))
    return nn.Sequential(*analysis), nn.Sequential(*synthesis)


def check_kernel_sizes(kernel_sizes: Sequence[int]) -> None:
    """Raise UsageError unless these are sides of four kernels, odd and from 3 on."""
    if len(kernel_sizes) != 4 or any(size < 3 or size % 2 == 0 for size in kernel_sizes):
        raise UsageError(f"kernel_sizes: {list(kernel_sizes)}; expected four odd numbers from 3 on")
