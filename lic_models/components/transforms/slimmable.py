"""Strided convolutions at any of several widths: the narrow ones are part of the wide ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise

import torch
from torch import nn

from lic_models.components.nonlinearities import GDN, Nonlinearity
from lic_models.components.slimmable import (
    SlimmableConv2d,
    SlimmableConvTranspose2d,
    SlimmableNonlinearity,
    at_width,
)
from lic_models.components.transforms.base import Transform
from lic_models.components.transforms.convolutional import ConvolutionalTransform
from lic_models.components.transforms.strided import strided_layers
from pytest_lic.errors import UsageError


class SlimmableTransform(Transform):
    """The layers of `ConvolutionalTransform`, which run at any of several widths.

    Every width takes the first channels of the same kernels, and has non-linearities of its own.
    The widest one runs unless `at_width` chooses. Yang, Herranz, Cheng and Mozerov, "Slimmable
    compressive autoencoders for practical neural image compression", CVPR 2021,
    https://arxiv.org/abs/2103.15726.

    Args:
        widths: (N, M) for each width, the narrowest first: channels between the layers, and of the
            latent.
        nonlinearity: its class; the N channels of a width and ``inverse`` are given to it.
        kernel_sizes: side of each layer's kernel, odd; that of the image's layer first.

    Raises:
        UsageError: widths that do not rise, or kernels that make no transform.
    """

    def __init__(
        self,
        widths: Sequence[tuple[int, int]] = ((12, 48), (16, 64), (24, 96), (32, 128)),
        nonlinearity: Callable[[int, bool], Nonlinearity] = GDN,
        kernel_sizes: Sequence[int] = (5, 5, 5, 5),
    ) -> None:
        self._check(widths)
        channels, latent_channels = zip(*widths, strict=True)
        analysis, synthesis = strided_layers(
            channels,
            latent_channels,
            partial(SlimmableNonlinearity, kind=nonlinearity),
            kernel_sizes,
            image=(3,) * len(widths),
            layers=(SlimmableConv2d, SlimmableConvTranspose2d),
        )
        super().__init__(analysis, synthesis, latent_channels[-1], 16)
        self.widths = [(n, m) for n, m in widths]
        self.nonlinearity = nonlinearity
        self.kernel_sizes = tuple(kernel_sizes)

    @torch.no_grad()
    def narrowed(self, index: int) -> ConvolutionalTransform:
        """One width alone, from 0 on: a plain transform with copies of its weights.

        It computes the same, to the bit, and can be shipped without the wider ones.

        Raises:
            UsageError: there is no such width.
        """
        with at_width(self, index):  # which refuses those that there are not
            n, m = self.widths[index]
        plain = ConvolutionalTransform("pico", n, m, self.nonlinearity, self.kernel_sizes)
        for own, layer in zip(self._layers(self), self._layers(plain), strict=True):
            if isinstance(own, SlimmableNonlinearity):
                layer.load_state_dict(own.of_width[index].state_dict())
                continue
            for name, value in layer.named_parameters():
                value.copy_(getattr(own, name)[tuple(map(slice, value.shape))])
        return plain

    @staticmethod
    def _layers(transform: Transform) -> list[nn.Module]:
        return [*transform.analysis.children(), *transform.synthesis.children()]

    @staticmethod
    def _check(widths: Sequence[tuple[int, int]]) -> None:
        told = [list(width) for width in widths]
        if not widths or any(len(width) != 2 or min(width) < 1 for width in widths):
            raise UsageError(f"widths: {told}; expected N and M, at least 1, for each of them")
        for (n, m), (wider, more) in pairwise(widths):
            if wider <= n or more < m:
                raise UsageError(
                    f"widths: {told}; expected the narrowest first, each N more than the last and "
                    "no M less"
                )
