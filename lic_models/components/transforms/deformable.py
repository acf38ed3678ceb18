"""Deformable convolutions: each position samples its input where it has learned to look.

An offset moves each of a kernel's taps, a fraction of a pixel if need be, and a modulation weighs
it; both are computed of the features themselves. Offsets begin at 0 and modulations at 1, as a
plain convolution, and each block begins as the identity. The blocks stand at H/8 alone: at
H/4 a CPU would take longer for the gradient of where to look than for all other layers together.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lic_models.components.nonlinearities import GDN, Nonlinearity
from lic_models.components.transforms.base import Transform, Width, channels_of
from lic_models.components.transforms.strided import strided_layers
from pytest_lic.errors import UsageError

_DEPTH = 3


@cache
def _deform_conv2d() -> Callable[..., Tensor]:
    """torchvision's deformable convolution, with what counts its operations."""
    from torch.utils.flop_counter import flop_registry, register_flop_formula
    from torchvision.ops import deform_conv2d

    operator = torch.ops.torchvision.deform_conv2d
    if operator not in flop_registry:

        @register_flop_formula(operator)
        def operations(_: object, weight: Sequence[int], *__: object, **shapes: Any) -> int:
            """Two for each tap, as of a plain convolution."""
            return 2 * math.prod(shapes["out_shape"]) * math.prod(weight[1:])

    convolve: Callable[..., Tensor] = deform_conv2d
    return convolve


class DeformableBlock(nn.Module, ABC):
    """Features (B, C, h, w), and what taps that move see of them.

    Args:
        channels: C.
        kernel_size: side of the kernel whose taps move, odd.
        groups: of channels, which move together, each group's on its own.
        joining_size: side of the kernel that follows.
    """

    def __init__(self, channels: int, kernel_size: int, groups: int, joining_size: int) -> None:
        super().__init__()
        self.groups = groups
        self.weighted = nn.Conv2d(
            channels, channels, kernel_size, padding=kernel_size // 2, groups=groups
        )
        self.joined = nn.Conv2d(channels, channels, joining_size, padding=joining_size // 2)
        _deform_conv2d()  # takes seconds to import
        for parameter in self.joined.parameters():
            nn.init.zeros_(parameter)

    @abstractmethod
    def taps(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Offsets (B, 2·G·k², h, w), down and across by turns, and modulations (B, G·k², h, w)."""

    def forward(self, features: Tensor) -> Tensor:
        """Of the shape of what is given, (B, C, h, w)."""
        moved = F.leaky_relu(self.deformed(features, *self.taps(features)))
        return features + self.joined(moved)

    def deformed(self, features: Tensor, offsets: Tensor, modulations: Tensor) -> Tensor:
        """The deformable convolution alone, (B, C, h, w)."""
        layer = self.weighted
        own = layer.weight.dtype
        known = torch.float32 if own == torch.bfloat16 else own  # it knows no bfloat16
        given = (features, offsets, layer.weight, layer.bias, modulations)
        features, offsets, weight, bias, modulations = (each.to(known) for each in given)
        with torch.autocast(features.device.type, enabled=False):
            convolved: Tensor = _deform_conv2d()(
                features, offsets, weight, bias, padding=layer.padding, mask=modulations
            )
        return convolved.to(own)


class DeformableResidualBlock(DeformableBlock):
    """All channels move together; each tap's modulation is between 0 and 2 on its own.

    Args:
        channels: C.
        kernel_size: side of all kernels, odd.
    """

    def __init__(self, channels: int, kernel_size: int) -> None:
        super().__init__(channels, kernel_size, 1, kernel_size)
        self.from_features = nn.Conv2d(
            channels, 3 * kernel_size**2, kernel_size, padding=kernel_size // 2
        )
        for parameter in self.from_features.parameters():
            nn.init.zeros_(parameter)

    def taps(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Offsets and modulations; see `DeformableBlock.taps`."""
        count = self.from_features.out_channels // 3
        offsets, logits = self.from_features(features).split([2 * count, count], 1)
        return offsets, 2.0 * torch.sigmoid(logits)


class LiteDeformableBlock(DeformableBlock):
    """Groups of channels move on their own, and the modulations of a group's taps share one sum.

    They are k² times a softmax over the k² taps. Each channel's surroundings and then all channels
    of a position tell of offsets and modulations: a fraction of what a full kernel takes.

    Args:
        channels: C.
        kernel_size: side of the kernels, odd.
        groups: G, a divisor of C.
    """

    def __init__(self, channels: int, kernel_size: int, groups: int) -> None:
        super().__init__(channels, kernel_size, groups, 1)
        taps = groups * kernel_size**2
        self.around = nn.Conv2d(
            channels, channels, kernel_size, padding=kernel_size // 2, groups=channels
        )
        self.from_features = nn.Conv2d(channels, 3 * taps, 1)
        for parameter in self.from_features.parameters():
            nn.init.zeros_(parameter)

    def taps(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Offsets and modulations; see `DeformableBlock.taps`."""
        count = self.from_features.out_channels // 3
        told = self.from_features(F.leaky_relu(self.around(features)))
        offsets, logits = told.split([2 * count, count], 1)
        grouped = logits.unflatten(1, (self.groups, -1))
        return offsets, (grouped.size(2) * grouped.softmax(2)).flatten(1, 2)


class DeformableResidualTransform(Transform):
    """`ConvolutionalTransform` with a deformable residual module at H/8.

    Fu, Liang, Liang, Wang, Zhang and Han, "Fast and high-performance learned image compression with
    improved checkerboard context model, deformable residual module, and knowledge distillation",
    2023, https://arxiv.org/abs/2309.02529: a deformable convolution and a plain one, with a
    residual connection around.

    Args:
        width: sets N and M: pico (32, 48), small (128, 192) or large (192, 320).
        channels: N, channels between the layers, if not the width's.
        latent_channels: M, if not the width's.
        nonlinearity: its class; the N channels and ``inverse`` are given to it.
        kernel_sizes: side of each strided layer's kernel, odd; that of the image's layer first.
        deformable_size: side of the modules' kernels, odd.

    Raises:
        UsageError: a width, channels or kernels that make no transform.
    """

    def __init__(
        self,
        width: Width = "pico",
        channels: int | None = None,
        latent_channels: int | None = None,
        nonlinearity: Callable[[int, bool], Nonlinearity] = GDN,
        kernel_sizes: Sequence[int] = (5, 5, 5, 5),
        deformable_size: int = 3,
    ) -> None:
        n, m = channels_of(type(self), width, channels, latent_channels)
        _check_size(deformable_size)
        analysis, synthesis = strided_layers(
            n,
            m,
            nonlinearity,
            kernel_sizes,
            lambda depth: DeformableResidualBlock(n, deformable_size) if depth == _DEPTH else None,
        )
        super().__init__(analysis, synthesis, m, 16)


class LiteDeformableTransform(Transform):
    """`ConvolutionalTransform` with lite deformable convolutions at H/8.

    After Wang, Fu, Chen and Liu, "Dynamic kernel-based adaptive spatial aggregation for learned
    image compression", 2023, https://arxiv.org/abs/2308.08723: grouped, and with modulations that a
    softmax normalises, here to a mean of 1. Less to compute than `DeformableResidualTransform`,
    with offsets of several groups in place of one.

    Args:
        width: sets N and M: pico (32, 48), small (128, 192) or large (192, 320).
        channels: N, channels between the layers, if not the width's.
        latent_channels: M, if not the width's.
        nonlinearity: its class; the N channels and ``inverse`` are given to it.
        kernel_sizes: side of each strided layer's kernel, odd; that of the image's layer first.
        deformable_size: side of the deformable kernels, odd.
        groups: of channels that move together, a divisor of N.

    Raises:
        UsageError: a width, channels, groups or kernels that make no transform.
    """

    def __init__(
        self,
        width: Width = "pico",
        channels: int | None = None,
        latent_channels: int | None = None,
        nonlinearity: Callable[[int, bool], Nonlinearity] = GDN,
        kernel_sizes: Sequence[int] = (5, 5, 5, 5),
        deformable_size: int = 3,
        groups: int = 4,
    ) -> None:
        n, m = channels_of(type(self), width, channels, latent_channels)
        _check_size(deformable_size)
        if groups < 1 or n % groups:
            raise UsageError(f"groups: {groups} of {n} channels; expected a divisor of them")
        analysis, synthesis = strided_layers(
            n,
            m,
            nonlinearity,
            kernel_sizes,
            lambda depth: (
                LiteDeformableBlock(n, deformable_size, groups) if depth == _DEPTH else None
            ),
        )
        super().__init__(analysis, synthesis, m, 16)


def _check_size(size: int) -> None:
    if size < 3 or size % 2 == 0:
        raise UsageError(f"deformable_size: {size}; expected an odd number from 3 on")
