"""Strided convolutions, with non-linearities between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from torch import nn

from lic_models.components.nonlinearities import GDN, Nonlinearity
from lic_models.components.transforms.base import Transform, Width, channels_of
from lic_models.components.transforms.mirrored import MirroredConv2d, MirroredConvTranspose2d
from lic_models.components.transforms.strided import strided_layers
from pytest_lic.errors import UnknownNameError

Padding = Literal["zeros", "mirror"]
_LAYERS: dict[Padding, Any] = {
    "zeros": (nn.Conv2d, nn.ConvTranspose2d),
    "mirror": (MirroredConv2d, MirroredConvTranspose2d),
}


class ConvolutionalTransform(Transform):
    """Four strided convolutions down, four transposed ones up, non-linearities between them.

    The transforms of Ballé, Minnen, Singh, Hwang and Johnston, "Variational image compression
    with a scale hyperprior", ICLR 2018, https://arxiv.org/abs/1802.01436, as they stand when every
    kernel is 5 × 5.

    Args:
        width: sets N and M: pico (32, 48), small (128, 192) or large (192, 320).
        channels: N, channels between the layers, if not the width's.
        latent_channels: M, if not the width's.
        nonlinearity: its class; the N channels and ``inverse`` are given to it.
        kernel_sizes: side of each layer's kernel, odd; that of the image's layer first.
        padding: what layers see beyond an image's edges, zeros or its content mirrored.

    Raises:
        UsageError: a width, channels, kernels or a padding that make no transform.
    """

    def __init__(
        self,
        width: Width = "pico",
        channels: int | None = None,
        latent_channels: int | None = None,
        nonlinearity: Callable[[int, bool], Nonlinearity] = GDN,
        kernel_sizes: Sequence[int] = (5, 5, 5, 5),
        padding: Padding = "zeros",
    ) -> None:
        n, m = channels_of(type(self), width, channels, latent_channels)
        if padding not in _LAYERS:
            raise UnknownNameError("padding", padding, _LAYERS, type(self).__name__)
        analysis, synthesis = strided_layers(
            n, m, nonlinearity, kernel_sizes, layers=_LAYERS[padding]
        )
        super().__init__(analysis, synthesis, m, 16)
