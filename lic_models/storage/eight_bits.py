"""Kernels of convolutions in eight bits, half of what float16 takes.

A kernel (O, I, k, k) is stored as whole numbers from −127 to 127 and O scales, so that the largest
weight of each of the O is ±127 of its scale. A scale has 11 significant bits, so that what is read,
the product in float32, is exact, and the same numbers come out when it is stored again.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from pytest_lic.errors import WeightsError

_SCALES = ".scales"
_LARGEST = 127
_BITS = 11  # of a scale: few enough for exact products, enough for the largest to stay ±127
_DIMENSIONS = 4  # of what is stored so: matrices, such as GDN's, are small and span more


@torch.no_grad()
def round_kernels(module: nn.Module) -> None:
    """Round the kernels of a codec to what is read of them again.

    Raises:
        WeightsError: a kernel that is not finite.
    """
    for key, value in module.state_dict().items():
        if is_stored_so(value):
            if not bool(torch.isfinite(value).all()):
                raise WeightsError(f"{key} holds values that are not finite; train it again")
            value.copy_(_product(*_parted(value)))


def is_stored_so(value: Tensor) -> bool:
    """Whether these are the weights of a convolution."""
    return value.is_floating_point() and value.ndim == _DIMENSIONS


def packed(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors as they are stored: of each rounded kernel the whole numbers and the scales."""
    stored = dict(tensors)
    for key, value in tensors.items():
        if is_stored_so(value):
            stored[key], stored[f"{key}{_SCALES}"] = _parted(value)
    return stored


def unpacked(stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a file, its kernels float32 again."""
    tensors = dict(stored)
    for key, value in stored.items():
        if value.dtype == torch.int8 and f"{key}{_SCALES}" in stored:
            tensors[key] = _product(value, tensors.pop(f"{key}{_SCALES}"))
    return tensors


def _parted(kernel: Tensor) -> tuple[Tensor, Tensor]:
    """Whole numbers, int8 (O, I, k, k), and scales, float32 (O,)."""
    largest = kernel.float().abs().flatten(1).amax(1)
    mantissas, exponents = torch.frexp(torch.where(largest > 0, largest / _LARGEST, 1.0))
    scales = torch.ldexp((mantissas * 2**_BITS).round() / 2**_BITS, exponents)
    whole = (kernel.float() / scales[:, None, None, None]).round()
    return whole.clamp(-_LARGEST, _LARGEST).to(torch.int8), scales


def _product(whole: Tensor, scales: Tensor) -> Tensor:
    return whole.float() * scales[:, None, None, None]
