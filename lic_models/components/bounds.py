"""Bounds that values keep to, while gradients that would bring a value back still pass."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class LowerBound(nn.Module):
    """`at_least` as a module, whose bound is a buffer and travels with the weights."""

    bound: Tensor

    def __init__(self, bound: float) -> None:
        super().__init__()
        self.register_buffer("bound", torch.tensor([bound]))

    def forward(self, values: Tensor) -> Tensor:
        """``values``, each at least the bound."""
        return _bounded(values, self.bound)


def at_least(values: Tensor, bound: float) -> Tensor:
    """``values``, at least ``bound``; gradients that would raise a value still pass."""
    return _bounded(values, torch.full((), bound, dtype=values.dtype, device=values.device))


def within(values: Tensor, least: float, most: float) -> Tensor:
    """``values``, from ``least`` to ``most``; gradients that would bring one back still pass."""
    return -at_least(-at_least(values, least), -most)


class _AtLeast(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, values: Tensor, bound: Tensor) -> Tensor:
        context.save_for_backward(values, bound)
        return torch.maximum(values, bound)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        values, bound = context.saved_tensors
        # Descent takes the gradient off: a negative one raises the value.
        return gradient * ((values >= bound) | (gradient < 0)), None


def _bounded(values: Tensor, bound: Tensor) -> Tensor:
    bounded: Tensor = _AtLeast.apply(values, bound)
    return bounded
