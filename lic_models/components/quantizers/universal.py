"""Dithered quantization, with a dither that the encoder and the decoder work out alike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lic_models.components.quantizers.base import (
    Quantized,
    Quantizer,
    finite,
    saturated,
    unit_noise,
)
from pytest_lic.errors import UsageError

MOST_LEVELS = 1024
LARGEST_SIDE = 2**21


class UniversalQuantizer(Quantizer):
    """Rounding on a grid that is shifted at each position by a dither u that both sides know.

    Ziv, "On universal quantization", IEEE Trans. Inf. Theory 1985; Agustsson and Theis,
    "Universally quantized neural compression", NeurIPS 2020, https://arxiv.org/abs/2006.09952.
    Coding does what training does: the error is uniform whatever the signal, so the noise of the
    proxy is not an approximation::

        symbols = round(residual − u)      values = symbols + u      edges = symbols + u ± ½

    So that finite tables can code it, u takes ``levels`` equally spaced values inside (−½, ½), and
    each distribution has one table for each of them. The error of a given residual then lies on
    ``levels`` points instead of an interval. The dither is the same for every image of a batch.

    Args:
        levels: how many values the dither takes, 1 to 1024; 1 is plain rounding.
        seed: of the dither, 0 to 2⁶⁴ − 1. It is part of the codec: another seed decodes nothing
            of what this one coded.

    Raises:
        UsageError: levels or seed outside their range.
    """

    def __init__(self, levels: int = 16, seed: int = 0) -> None:
        super().__init__()
        if not 1 <= levels <= MOST_LEVELS:
            raise UsageError(
                f"UniversalQuantizer: levels={levels} is out of range; "
                f"give 1 to {MOST_LEVELS} (each level is one more table per distribution)"
            )
        if not 0 <= seed < 2**64:
            raise UsageError(
                f"UniversalQuantizer: seed={seed} is out of range; give 0 to 2**64 - 1"
            )
        self.variants = levels
        self.seed = seed

    def proxy(self, residual: Tensor) -> Quantized:
        """Noise with the dither's error as its marginal, for rate and synthesis."""
        noisy = residual + unit_noise(residual)
        return Quantized(noisy - 0.5, noisy + 0.5, noisy)

    def symbols(self, residual: Tensor, variant: Tensor) -> Tensor:
        """round(residual − u), int32, halves to even; see `Quantizer.symbols`."""
        shift = self.dither(variant.to(residual.device))
        return saturated(torch.round(finite(residual).to(torch.float64) - shift))

    def values(
        self, symbols: Tensor, variant: Tensor, dtype: torch.dtype = torch.float32
    ) -> Tensor:
        """The symbols + u."""
        shift = self.dither(variant.to(symbols.device))
        return (symbols.to(torch.float64) + shift).to(dtype)

    def edges(
        self, symbols: Tensor, variant: Tensor, dtype: torch.dtype = torch.float32
    ) -> tuple[Tensor, Tensor]:
        """The symbols + u − ½ and + ½."""
        shift = self.dither(variant.to(symbols.device))
        centres = symbols.to(torch.float64)
        return (centres - 0.5 + shift).to(dtype), (centres + 0.5 + shift).to(dtype)

    def dither(self, variant: Tensor) -> Tensor:
        """The shift u of each variant, float64: the middles of ``levels`` parts of (−½, ½)."""
        return (2 * variant + 1 - self.variants).to(torch.float64) / (2 * self.variants)

    def variant(self, shape: Sequence[int]) -> Tensor:
        """The dither's level at each position of a (C, h, w) latent, int64 on the CPU.

        A function of seed, channel, row and column alone, so that a larger latent repeats a
        smaller one's dither. Each random number is that of SplitMix64 (Steele, Lea and Flood 2014)
        whose place in the generator's sequence is the packed position. It is integer arithmetic
        modulo 2⁶⁴ and nothing else, hence equal on every machine and under every version of numpy
        and torch, which no library's stream of floats promises.

        Raises:
            UsageError: a side of 2²¹ or more.
        """
        channels, height, width = shape
        if max(shape) >= LARGEST_SIDE:
            raise UsageError(
                f"UniversalQuantizer: a latent of {channels}×{height}×{width} is too large for "
                f"the dither; every side must be below {LARGEST_SIDE}"
            )
        channel, row, column = np.ogrid[:channels, :height, :width]
        places = (channel << 42) | (row << 21) | column
        # The top 32 bits times the number of levels: which of them, without a bias that matters.
        drawn = splitmix64(self.seed, places.astype(np.uint64)) >> np.uint64(32)
        level = (drawn * np.uint64(self.variants)) >> np.uint64(32)
        return torch.from_numpy(level.astype(np.int64))


def splitmix64(seed: int, places: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The numbers at these places, from 0, of the sequence that SplitMix64 gives for this seed.

    Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
    """
    # Products and sums wrap modulo 2⁶⁴, as unsigned arrays do.
    state = (places + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15) + np.array([seed], np.uint64)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))
