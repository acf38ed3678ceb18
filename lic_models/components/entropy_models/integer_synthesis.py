"""The hyper-synthesis in whole numbers: the same on every machine, by construction.

    ẑ ─► × 2^k, rounded ─► clamp ─► convolution + bias ─► leaky ReLU ─► × m / 2^s, rounded ─┐
                             ▲──────────────────── after the first and the second layer ────┤
                                             means in 1/256, indices of tables ◄────────────┘

Ballé, Johnston and Minnen, "Integer networks for data compression with latent-variable models",
ICLR 2019, https://openreview.net/forum?id=S1zz2i0cY7. Weights, sums, multipliers and shifts are
whole numbers. They are computed with in float64, which every machine has convolutions for and which
holds each whole number below 2^53 exactly: in whatever order a sum is taken, all of its parts are
exact. That no sum or product gets farther is checked from the weights and the clamp.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lic_models.components.entropy_models.hyper_transforms import hyper_synthesis
from pytest_lic.errors import WeightsError

EXACT = 2**53
"""Below it float64 holds every whole number, and every sum of them."""
MEAN_BITS = 8
"""Means are multiples of 2^-8."""
SLOPE, SLOPE_BITS = 655, 16
"""The leaky ReLU's slope below zero, 0.01, is 655 / 2^16."""


class IntegerConvolution(nn.Module):
    """One layer: whole weights, and a multiplier and a shift for each output channel.

    Args:
        like: of the layer's sizes; its weights are not taken.

    Attributes:
        weight: int8, as a convolution has it; in a transposed one (in, out, k, k).
        bias: int32 (out,), in units of the sums.
        multipliers, shifts: int64 and int32 (out,); sums × multipliers / 2^shifts come out.
    """

    def __init__(self, like: nn.Conv2d | nn.ConvTranspose2d) -> None:
        super().__init__()
        self.transposed = isinstance(like, nn.ConvTranspose2d)
        self._geometry = {"stride": like.stride, "padding": like.padding}
        if self.transposed:
            self._geometry["output_padding"] = like.output_padding
        self.weight = _whole(like.weight.shape, torch.int8)
        self.bias = _whole((like.out_channels,), torch.int32)
        self.multipliers = _whole((like.out_channels,), torch.int64)
        self.shifts = _whole((like.out_channels,), torch.int32, 1)

    def sums(self, whole: Tensor) -> Tensor:
        """Whole numbers (B, in, h, w), float64, convolved, with the bias: (B, out, h', w')."""
        convolve = F.conv_transpose2d if self.transposed else F.conv2d
        kernel, bias = self.weight.to(whole), self.bias.to(whole)
        # The order of sums changes nothing. A library that convolves by way of a transform is off
        # by far less than a half, which rounding takes away.
        summed: Tensor = convolve(whole, kernel, bias, **self._geometry)  # type: ignore[operator]
        return summed.round_()

    def rescaled(self, sums: Tensor) -> Tensor:
        """Sums × multipliers / 2^shifts, rounded, halves up; in place, as they are large."""
        powers = (1 << self.shifts.long()).to(sums)
        scales = self.multipliers.to(sums) / powers  # exact, as all that follows
        return sums.mul_(scales[:, None, None]).add_(0.5).floor_()

    def farthest(self, limit: int) -> int:
        """The largest whole number that may come up, where inputs are within ± ``limit``."""
        summed = self.weight.long().abs().sum((0, 2, 3) if self.transposed else (1, 2, 3))
        columns = (summed, self.bias.long().abs(), self.multipliers.abs(), self.shifts)
        farthest = 0
        for each, bias, multiplier, shift in zip(*(c.tolist() for c in columns), strict=True):
            sums = each * limit + bias
            product = sums * multiplier + 2**shift // 2
            farthest = max(farthest, product, sums * SLOPE + 2**SLOPE_BITS // 2)
        return farthest


class IntegerSynthesis(nn.Module):
    """`hyper_synthesis` in whole numbers, all zero until a network's are put in.

    Args:
        hyper_channels: N.
        features: what the last layer gives: means first, where there are any, then indices.
        kernel_sizes: of the layers, that of the last first.

    Attributes:
        limit: activations are clamped to ± this, a scalar.
        input_bits: ẑ is rounded to multiples of 2^-this, a scalar.
    """

    def __init__(
        self, hyper_channels: int, features: int, kernel_sizes: tuple[int, int, int]
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            IntegerConvolution(layer)
            for layer in hyper_synthesis(hyper_channels, features, kernel_sizes)
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)
        )
        self.limit = _whole((), torch.int32)
        self.input_bits = _whole((), torch.int32)
        self.register_load_state_dict_post_hook(lambda module, _: module.check())

    def forward(self, hyper_latents: Tensor) -> Tensor:
        """ẑ (B, N, h', w') → (B, features, 4 h', 4 w'), float64, whole numbers.

        Means are in 2^-8. Indices are of probability tables, not clamped yet.
        """
        *_, (_, output) = self.activations(hyper_latents)
        return output

    def activations(self, hyper_latents: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Before and after each clamp: ẑ's, the hidden layers'; then the output, which has none."""
        limit = int(self.limit)
        whole = (hyper_latents.double() * 2.0 ** int(self.input_bits) + 0.5).floor()
        for layer in self.layers:
            clamped = whole.clamp(-limit, limit)
            yield whole, clamped
            whole = layer.sums(clamped)
            if layer is not self.layers[-1]:
                below = whole.mul(SLOPE / 2**SLOPE_BITS).add_(0.5).floor_()
                whole = torch.where(whole < 0, below, whole)
            whole = layer.rescaled(whole)
        yield whole, whole

    def check(self) -> None:
        """Refuse whole numbers that might not be exact.

        Raises:
            WeightsError: naming the layer: sums or products that may reach 2^53, or a shift or
                bits of ẑ that are out of the range.
        """
        limit, bits = int(self.limit), int(self.input_bits)
        if limit < 0 or not -16 <= bits <= 24:
            raise WeightsError(
                f"integer hyper-synthesis: activations within ±{limit}, ẑ in 2^-{bits}; expected a "
                f"positive limit and −16 to 24 bits: {_AGAIN}"
            )
        for number, layer in enumerate(self.layers):
            shifts = layer.shifts
            if not bool(((shifts >= 1) & (shifts <= 62)).all()):
                raise WeightsError(
                    f"integer hyper-synthesis: layer {number} shifts by {int(shifts.min())} to "
                    f"{int(shifts.max())} bits; expected 1 to 62: {_AGAIN}"
                )
            farthest = layer.farthest(limit)
            if farthest >= EXACT:
                raise WeightsError(
                    f"integer hyper-synthesis: whole numbers in layer {number} may reach "
                    f"2^{farthest.bit_length() - 1}; float64 is exact below 2^53: {_AGAIN}, with "
                    "fewer bits"
                )


_AGAIN = "make it again with python -m lic_models integer"


def _whole(shape: tuple[int, ...], dtype: torch.dtype, value: int = 0) -> nn.Parameter:
    return nn.Parameter(torch.full(shape, value, dtype=dtype), requires_grad=False)
