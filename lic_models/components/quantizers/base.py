"""The base of scalar quantizers: a proxy to train with, and symbols, values and edges to code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from pytest_lic.errors import CodecError

# Symbols saturate here: well inside int32, and the largest power of two at which float32 still
# tells k − ½, k and k + ½ from one another, so that every symbol's cell has a width.
SYMBOL_LIMIT = 2**22


class Quantized(NamedTuple):
    """What training, or evaluation with real rounding, goes on with. All (B, C, h, w).

    Attributes:
        lower: lower edges; the rate in bits is −log2(F(upper) − F(lower)), F the residual's CDF.
        upper: upper edges, never below ``lower``.
        values: the residual that the synthesis gets, once the prediction is added back.
    """

    lower: Tensor
    upper: Tensor
    values: Tensor


class Quantizer(nn.Module):
    """Base of the scalar quantizers: codes by rounding; a subclass adds what it trains with.

    The entropy model subtracts its prediction; a quantizer sees the residual, float, (B, C, h, w)::

        training    residual ── proxy ──────────────────────────────► lower, upper, values
        evaluation  residual ── symbols ─┬─ edges ──────────────────► lower, upper
                                         └─ values ─────────────────► values
        coding      residual ── symbols ── entropy coder ── values

    A subclass writes `proxy`, and overrides `symbols`, `values` and `edges` together if it codes
    by anything but rounding to the nearest integer, halves to even (as `torch.round`).

    Attributes:
        variants: how many probability tables one distribution needs: 1, unless the cells move
            with the position (dithered quantization).
    """

    variants: int = 1

    def forward(self, residual: Tensor) -> Quantized:
        """The proxy in training mode; in evaluation mode what coding does, to the bit.

        Args:
            residual: float, (B, C, h, w). Half precision is raised to float32 first, as bfloat16
                can't hold the edges of symbols beyond ±128.

        Raises:
            CodecError: in evaluation mode, where the residual is not finite. Training looks at no
                value, which would wait for the GPU at each step: the loss shows it.
        """
        if residual.dtype in (torch.float16, torch.bfloat16):
            residual = residual.float()
        if self.training:
            return self.proxy(residual)
        variant = self.variant(residual.shape[1:])
        symbols = self.symbols(residual, variant)
        lower, upper = self.edges(symbols, variant, residual.dtype)
        return Quantized(lower, upper, self.values(symbols, variant, residual.dtype))

    def proxy(self, residual: Tensor) -> Quantized:
        """What stands in for quantization in training, with gradients to the residual."""
        raise NotImplementedError(f"{type(self).__name__} has no training proxy")

    def symbols(self, residual: Tensor, variant: Tensor) -> Tensor:
        """The integers to code, int32, in the residual's shape, within ±`SYMBOL_LIMIT`.

        Args:
            residual: float; finite values beyond the limit saturate.
            variant: int64, from `variant`, broadcastable to the residual.

        Raises:
            CodecError: the residual is not finite.
        """
        return saturated(torch.round(finite(residual)))

    def values(
        self, symbols: Tensor, variant: Tensor, dtype: torch.dtype = torch.float32
    ) -> Tensor:
        """What the synthesis gets for each of these symbols; any int32 is allowed."""
        return symbols.to(dtype)

    def edges(
        self, symbols: Tensor, variant: Tensor, dtype: torch.dtype = torch.float32
    ) -> tuple[Tensor, Tensor]:
        """Lower and upper edge of each symbol's cell. One's upper edge is the next's lower."""
        centres = symbols.to(torch.float64)
        return (centres - 0.5).to(dtype), (centres + 0.5).to(dtype)

    def variant(self, shape: Sequence[int]) -> Tensor:
        """Which of the `variants` each position uses.

        Args:
            shape: (C, h, w) of the latent.

        Returns:
            int64 on the CPU, broadcastable to (C, h, w); the same on every machine.
        """
        return torch.zeros((1, 1, 1), dtype=torch.int64)

    def anneal(self, progress: float) -> None:
        """Tell the quantizer how far training has come, from 0 to 1."""


def unit_noise(residual: Tensor) -> Tensor:
    """Independent samples of U(−½, ½) in the residual's shape, type and device."""
    return torch.rand_like(residual) - 0.5


def straight_through(residual: Tensor, quantized: Tensor) -> Tensor:
    """``quantized`` forwards; backwards the identity to both (Bengio et al. 2013)."""
    return quantized + (residual - residual.detach())


def finite(residual: Tensor) -> Tensor:
    """The residual, looked through.

    Raises:
        CodecError: it holds a value that is NaN or infinite.
    """
    wrong = ~torch.isfinite(residual)
    if bool(wrong.any()):
        first = tuple(int(index) for index in wrong.nonzero()[0])
        raise CodecError(
            f"quantizer: {int(wrong.sum())} of {residual.numel()} residuals are not finite, the "
            f"first at {first}; expected finite latents and predictions: look for NaN in the "
            "weights, or train with a lower learning rate"
        )
    return residual


def saturated(integers: Tensor) -> Tensor:
    """Whole numbers as int32, held within ±`SYMBOL_LIMIT`."""
    return integers.clamp(-SYMBOL_LIMIT, SYMBOL_LIMIT).to(torch.int32)
