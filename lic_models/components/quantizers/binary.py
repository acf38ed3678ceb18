"""Binarization: every latent is plus or minus one, at random in training."""

from __future__ import annotations

import torch
from torch import Tensor

from lic_models.components.quantizers.base import (
    SYMBOL_LIMIT,
    Quantized,
    Quantizer,
    finite,
    straight_through,
)


class BinaryQuantizer(Quantizer):
    """Stochastic binarization in training; the sign when coding.

    Toderici, O'Malley, Hwang, Vincent, Minnen, Baluja, Covell and Sukthankar, "Variable rate image
    compression with recurrent neural networks", ICLR 2016, https://arxiv.org/abs/1511.06085. With
    x = tanh(residual), b is 1 with probability (1 + x) / 2 and −1 otherwise, so that its mean is x;
    gradients pass to x as they are. Symbol 0 is −1 and symbol 1 is 1, for residuals from 0 on::

        residual ── x = tanh ── b = ±1, drawn ─┬─ the side of 0 that b is on ──► edges of the rate
                                               └───────────────────────────────► values

    The rate does not depend on the residual within a side, so it trains the entropy model alone:
    how many channels there are decides it. An entropy model takes its prediction off first, and
    adds it to ±1 again: one bit says on which side of it a latent lies. `Factorized` predicts each
    channel's median. `JointEntropyModel` and `LayeredHyperprior` need cells of one step and refuse
    it.
    """

    def proxy(self, residual: Tensor) -> Quantized:
        """A draw of ±1, straight through tanh, and the side of 0 that it is on."""
        likely = residual.tanh()
        positive = 2 * torch.rand_like(residual) < 1 + likely.detach()
        lower, upper = self._cells(positive.to(torch.int64), residual.dtype)
        ones = torch.where(positive, 1.0, -1.0).to(residual.dtype)
        return Quantized(lower, upper, straight_through(likely, ones))

    def symbols(self, residual: Tensor, variant: Tensor) -> Tensor:
        """1 for residuals from 0 on, 0 for negative ones; see `Quantizer.symbols`."""
        return (finite(residual) >= 0).to(torch.int32)

    def values(
        self, symbols: Tensor, variant: Tensor, dtype: torch.dtype = torch.float32
    ) -> Tensor:
        """−1 and 1; of symbols that are never coded, the middles of their cells."""
        lower, upper = self._cells(symbols.to(torch.int64), torch.float64)
        ones = torch.where(symbols > 0, 1.0, -1.0).to(torch.float64)
        coded = (symbols == 0) | (symbols == 1)
        return torch.where(coded, ones, (lower + upper) / 2).to(dtype)

    def edges(
        self, symbols: Tensor, variant: Tensor, dtype: torch.dtype = torch.float32
    ) -> tuple[Tensor, Tensor]:
        """0 and the farthest that a latent may be; beyond, cells one wide."""
        return self._cells(symbols.to(torch.int64), dtype)

    def _cells(self, symbols: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        return _edge(symbols, dtype), _edge(symbols + 1, dtype)


def _edge(place: Tensor, dtype: torch.dtype) -> Tensor:
    """The lower edge of symbol ``place``: … −L − 1, −L, 0, L, L + 1 …, of symbol 1 it is 0."""
    beyond = place - 1
    far = beyond.abs() - 1 + SYMBOL_LIMIT
    return torch.where(beyond == 0, 0, beyond.sign() * far).to(dtype)
