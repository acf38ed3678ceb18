"""The factorized prior: each channel's own density, without side information."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from lic_models.components.entropy_coding.coders import EntropyCoder
from lic_models.components.entropy_coding.tables import FrequencyTables
from lic_models.components.entropy_models.base import (
    EntropyModel,
    Rated,
    channel_deviations,
    check_strings,
)
from lic_models.components.entropy_models.density import START_SCALE, Density
from lic_models.components.entropy_models.masses import likelihood
from lic_models.components.entropy_models.symbols import table_symbols, to_array, to_tensor
from lic_models.components.quantizers import Quantizer
from pytest_lic.errors import CodecError

# Where a logistic of scale 1 has TAIL_MASS left: ln(2 / 1e-9 − 1) = 21.4.
_LOGISTIC_REACH = 21.0


class Factorized(EntropyModel):
    """One learned density per channel, the same at every position.

    Ballé, Minnen, Singh, Hwang and Johnston, "Variational image compression with a scale
    hyperprior", ICLR 2018, appendix 6.1, https://arxiv.org/abs/1802.01436. Latents are quantised
    around each channel's median.

    Args:
        latent_channels: M; None takes as many as the transform gives.
    """

    def __init__(self, latent_channels: int | None = None) -> None:
        super().__init__()
        if latent_channels is not None:
            self.build(latent_channels)

    def _make(self, channels: int) -> None:
        self.density = Density(channels)

    def forward(self, latents: Tensor, quantizer: Quantizer) -> Rated:
        """Latents (B, M, h, w), quantised and rated; see `EntropyModel.forward`."""
        medians = self._medians()
        quantized = quantizer(latents - medians)
        mass = self.density.mass(quantized.lower + medians, quantized.upper + medians)
        return Rated(quantized.values + medians, {"latents": likelihood(mass, self.training)})

    @torch.no_grad()
    def update(self, quantizer: Quantizer) -> None:
        """Make the tables: channel by channel, and within one, dither level by dither level.

        Each reaches as far as all but 1e-9 of its density; the quantiles that tell so are found
        anew, the median among them.

        Raises:
            CodecError: parameters that are not finite.
        """
        for name, parameter in self.density.named_parameters():
            if not bool(torch.isfinite(parameter).all()):  # the search would not end
                raise CodecError(f"density.{name} is not finite; no tables can be made of it")
        self.density.find_quantiles()
        quantiles = self.density.quantiles[:, 0].detach()
        below = (quantiles[:, 1] - quantiles[:, 0]).ceil().clamp(min=1)
        above = (quantiles[:, 2] - quantiles[:, 1]).ceil().clamp(min=1)
        density = copy.deepcopy(self.density).cpu().double()
        spans = [table_symbols(quantizer, below, above, v) for v in range(quantizer.variants)]
        masses = [_masses(density, quantizer, span, v) for v, span in enumerate(spans)]
        self.tables = {
            "latents": FrequencyTables.from_masses(
                [mass for channel in zip(*masses, strict=True) for mass in channel],
                torch.stack(spans, 1)[:, :, 0].flatten().tolist(),
            )
        }

    def table_counts(self, quantizer: Quantizer) -> dict[str, int]:
        """One for each channel and dither level."""
        return {"latents": self.density.channels * quantizer.variants}

    def compress(self, latents: Tensor, quantizer: Quantizer, coder: EntropyCoder) -> list[bytes]:
        """One image's latent (M, h, w) as one string; see `EntropyModel.compress`."""
        return self.encode(self.symbols(latents, quantizer), quantizer, coder)

    def decompress(
        self,
        strings: Sequence[bytes],
        size: tuple[int, int],
        quantizer: Quantizer,
        coder: EntropyCoder,
    ) -> Tensor:
        """The latent (M, h, w), float32, from its one string; see `EntropyModel.decompress`."""
        check_strings(strings, 1)
        shape = (self.density.channels, *size)
        indices = to_array(self._table_indices(shape, quantizer))
        symbols = coder.decode(strings[0], indices, self._table("latents"))
        return self.values(to_tensor(symbols, shape, self.density.quantiles.device), quantizer)

    def symbols(self, latents: Tensor, quantizer: Quantizer) -> Tensor:
        """One image's latent (M, h, w) as symbols, int32.

        Raises:
            CodecError: a latent that is not finite.
        """
        variant = quantizer.variant(tuple(latents.shape)).to(latents.device)
        return quantizer.symbols(latents.double() - self._medians()[0].double(), variant)

    def values(self, symbols: Tensor, quantizer: Quantizer) -> Tensor:
        """The latent (M, h, w), float32, of these symbols; the same on every machine."""
        variant = quantizer.variant(tuple(symbols.shape)).to(symbols.device)
        residual = quantizer.values(symbols, variant).double()
        return (residual + self._medians()[0].double()).float()

    def encode(self, symbols: Tensor, quantizer: Quantizer, coder: EntropyCoder) -> list[bytes]:
        """The string of one image's symbols (M, h, w)."""
        indices = to_array(self._table_indices(tuple(symbols.shape), quantizer))
        return [coder.encode(to_array(symbols), indices, self._table("latents"))]

    @torch.no_grad()
    def fit(self, latents: Tensor) -> None:
        """Let each density begin as wide as its channel, with a logistic's tails."""
        deviations = channel_deviations(latents)
        scales = (deviations * math.sqrt(3.0) / math.pi).clamp(min=0.3)
        first = self.density.matrices[0]
        slope = F.softplus(first) * (START_SCALE / scales)[:, None, None]
        first.copy_(torch.where(slope > 20, slope, slope.expm1().log()))  # softplus, inverted
        reach = torch.tensor([-_LOGISTIC_REACH, 0.0, _LOGISTIC_REACH]).to(scales)
        self.density.quantiles.copy_(scales[:, None, None] * reach)

    def auxiliary_loss(self) -> Tensor:
        """How far the quantiles are off; see `Density.quantile_loss`."""
        return self.density.quantile_loss()

    def _medians(self) -> Tensor:
        """(1, M, 1, 1)."""
        medians: Tensor = self.density.quantiles[:, 0, 1].detach()
        return medians.reshape(1, -1, 1, 1)

    def _table_indices(self, shape: tuple[int, ...], quantizer: Quantizer) -> Tensor:
        """The table of each position of (M, h, w), int64."""
        channels = torch.arange(shape[0]).reshape(-1, 1, 1)
        return (channels * quantizer.variants + quantizer.variant(shape)).expand(shape)


def _masses(
    density: Density, quantizer: Quantizer, spans: Tensor, variant: int
) -> list[NDArray[np.float64]]:
    """For each channel the masses of its symbols, from the first to the last of its span (C, 2)."""
    first, last = int(spans.min()), int(spans.max())
    symbols = torch.arange(first, last + 1, dtype=torch.int32).reshape(1, 1, -1, 1)
    symbols = symbols.expand(1, len(spans), -1, 1)
    variants = torch.full_like(symbols, variant, dtype=torch.int64)
    lower, upper = quantizer.edges(symbols, variants, torch.float64)
    medians = density.quantiles[:, 0, 1].detach().reshape(1, -1, 1, 1)
    masses = density.mass(lower + medians, upper + medians)[0, :, :, 0].numpy()
    places = (spans - first).tolist()
    return [mass[a : b + 1] for mass, (a, b) in zip(masses, places, strict=True)]
