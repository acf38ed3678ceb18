"""Layers that run at any of several widths, with the first channels of one kernel.

A width is chosen from outside, for all layers of a module at once:

    with at_width(codec, 1):
        codec.compress(images)

Yang, Herranz, Cheng and Mozerov, "Slimmable compressive autoencoders for practical neural image
compression", CVPR 2021, https://arxiv.org/abs/2103.15726.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lic_models.components.nonlinearities import Nonlinearity
from pytest_lic.errors import UsageError


class Slimmable:
    """What a module has that runs at any of several widths, the widest unless `at_width` chooses.

    Args:
        count: number of widths.
    """

    def __init__(self, count: int) -> None:
        self.widths_count = count
        self.chosen = count - 1


@contextmanager
def at_width(module: nn.Module, index: float) -> Iterator[None]:
    """Within the block, all that is slimmable in ``module`` runs at width ``index``, from 0 on.

    Raises:
        UsageError: something in it has no such width; there is none between two.
    """
    before = [(part, part.chosen) for part in _slimmable(module)]
    choose_width(module, index)
    try:
        yield
    finally:
        for part, chosen in before:
            part.chosen = chosen


def choose_width(module: nn.Module, index: float) -> None:
    """From now on, all that is slimmable in ``module`` runs at width ``index``, from 0 on.

    Raises:
        UsageError: something in it has no such width; there is none between two.
    """
    for part in _slimmable(module):
        if index not in range(part.widths_count):
            raise UsageError(
                f"width {index} of {type(part).__name__}, which has {part.widths_count} and none "
                f"between them; expected a whole number from 0 to {part.widths_count - 1}"
            )
    for part in _slimmable(module):
        part.chosen = int(index)


def _slimmable(module: nn.Module) -> list[Slimmable]:
    return [part for part in module.modules() if isinstance(part, Slimmable)]


class SlimmableConv2d(Slimmable, nn.Conv2d):
    """A convolution with the first channels of its kernel and of its bias.

    Args:
        in_widths: for each width, how many channels come in; the most last.
        out_widths: and how many go out.
        kernel_size: side of the kernel.
        stride: in positions.
        padding: on each side.
    """

    def __init__(
        self,
        in_widths: Sequence[int],
        out_widths: Sequence[int],
        kernel_size: int,
        stride: int = 1,
        padding: int = 0,
    ) -> None:
        nn.Conv2d.__init__(self, in_widths[-1], out_widths[-1], kernel_size, stride, padding)
        Slimmable.__init__(self, len(in_widths))
        self.in_widths, self.out_widths = tuple(in_widths), tuple(out_widths)

    def forward(self, features: Tensor) -> Tensor:
        """Features (B, C, h, w) to (B, C', h', w'), C and C' those of the chosen width."""
        inner, outer = self.in_widths[self.chosen], self.out_widths[self.chosen]
        weight, bias = _first(self.weight, outer, inner), _first(self.bias, outer)
        return F.conv2d(features, weight, bias, self.stride, self.padding)


class SlimmableConvTranspose2d(Slimmable, nn.ConvTranspose2d):
    """A transposed convolution with the first channels of its kernel and of its bias.

    Args:
        in_widths: for each width, how many channels come in; the most last.
        out_widths: and how many go out.
        kernel_size: side of the kernel.
        stride: in positions of what goes out.
        padding: taken off on each side.
        output_padding: added below and on the right.
    """

    def __init__(
        self,
        in_widths: Sequence[int],
        out_widths: Sequence[int],
        kernel_size: int,
        stride: int = 1,
        padding: int = 0,
        output_padding: int = 0,
    ) -> None:
        nn.ConvTranspose2d.__init__(
            self, in_widths[-1], out_widths[-1], kernel_size, stride, padding, output_padding
        )
        Slimmable.__init__(self, len(in_widths))
        self.in_widths, self.out_widths = tuple(in_widths), tuple(out_widths)

    def forward(self, features: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Features (B, C, h, w) to (B, C', h', w'), C and C' those of the chosen width."""
        inner, outer = self.in_widths[self.chosen], self.out_widths[self.chosen]
        weight, bias = _first(self.weight, inner, outer), _first(self.bias, outer)
        return F.conv_transpose2d(
            features, weight, bias, self.stride, self.padding, self.output_padding
        )


class SlimmableNonlinearity(Slimmable, Nonlinearity):
    """A non-linearity of any kind at each of several widths, with parameters of each width's own.

    What a channel is divided by, or cut off at, depends on which channels there are, so that
    parameters can't be shared as kernels are.

    Args:
        widths: for each width, how many channels; the most last.
        inverse: the one of the synthesis.
        kind: its class, built once for each width.
    """

    def __init__(
        self, widths: Sequence[int], inverse: bool, kind: Callable[[int, bool], Nonlinearity]
    ) -> None:
        Nonlinearity.__init__(self, widths[-1], inverse)
        Slimmable.__init__(self, len(widths))
        self.of_width = nn.ModuleList(kind(channels, inverse) for channels in widths)

    def forward(self, features: Tensor) -> Tensor:
        """Features (B, C, h, w) to features of the same shape, C that of the chosen width."""
        out: Tensor = self.of_width[self.chosen](features)
        return out

    @torch.no_grad()
    def start_linear(self, low: Tensor) -> None:
        """As near to the identity as possible, at every width; see `Nonlinearity`."""
        for part in self.of_width:
            assert isinstance(part, Nonlinearity)
            part.start_linear(low[: part.channels])


def _first(tensor: Tensor | None, *sizes: int) -> Tensor:
    """The first entries of each of the leading dimensions."""
    assert tensor is not None
    return tensor[tuple(slice(size) for size in sizes)]
