"""Coarse-to-fine side information: two hyper-layers, the coarser of which predicts the finer.

    y ─► hyper-analysis ─► z₁ ───────────────────► ẑ₁ ─► hyper-synthesis ─► features
                           │                       ▲          ▲
                           ▼                  μ, σ │          │
                    coarse analysis ─► z₂ ─► coarse synthesis ┘

z₁ has half the sides of y, and z₂ half of these.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lic_models.components.entropy_coding.coders import EntropyCoder
from lic_models.components.entropy_coding.counts import Integers
from lic_models.components.entropy_coding.tables import FrequencyTables
from lic_models.components.entropy_models.base import channel_deviations
from lic_models.components.entropy_models.distributions import Components, Gaussian
from lic_models.components.entropy_models.factorized import Factorized
from lic_models.components.entropy_models.hyper_transforms import check_hyper_transforms
from lic_models.components.entropy_models.masses import likelihood
from lic_models.components.entropy_models.side_information.base import (
    CODING_DTYPE,
    SideInformation,
    computed_in,
    snapped,
)
from lic_models.components.entropy_models.space_to_depth import (
    doubling,
    doubling_like,
    halved,
    halving,
    halving_like,
)
from lic_models.components.entropy_models.symbols import to_array, to_tensor
from lic_models.components.quantizers import NoiseQuantizer, StraightThroughQuantizer
from pytest_lic.errors import CodecError

_FIRST_STEP = 8.0  # deviations of z₁: what tells nothing yet must cost next to nothing
_LARGEST_SCALE = 64.0


class CoarseToFineInformation(SideInformation):
    """Tells means and scales from two layers of side information.

    Hu, Yang and Liu, "Coarse-to-fine hyper-prior modeling for learned image compression", AAAI
    2020, https://doi.org/10.1609/aaai.v34i07.6736. z₂ is coded with a density a channel, and z₁
    with Gaussians that z₂ predicts, in steps that are learned for each channel. The paper also
    joins both to the image synthesis, which would be another transform and is left out.

    With a mean-scale hyperprior's weights z₂ is its z, and z₁ begins in steps so wide that it costs
    next to nothing; what it tells is added with weights that begin at 0.

    Args:
        hyper_channels: N, of z₁, z₂ and the layers of the hyper-transforms.
        kernel_sizes: side of the kernel of each layer that sees neighbours, odd; that of the
            latent's layer first.

    Raises:
        UsageError: channels or kernels that make no hyper-transform.
    """

    strings: ClassVar[int] = 2

    def __init__(
        self, hyper_channels: int = 32, kernel_sizes: tuple[int, int, int] = (3, 5, 5)
    ) -> None:
        super().__init__()
        check_hyper_transforms(hyper_channels, kernel_sizes)
        self.hyper_channels = hyper_channels
        self.kernel_sizes = kernel_sizes
        self.gaussian = Gaussian(scale_range=(0.11, _LARGEST_SCALE))

    def build(self, channels: int) -> None:
        """Make the parameters for M channels."""
        n, (near, middle, far) = self.hyper_channels, self.kernel_sizes
        self.hyper_analysis = nn.Sequential(
            nn.Conv2d(channels, n, near, padding=near // 2), nn.LeakyReLU(), halving(n, middle)
        )
        self.coarse_analysis = nn.Sequential(nn.LeakyReLU(), halving(n, far))
        self.coarse_synthesis = doubling(n, far)
        self.fine_gaussians = nn.Conv2d(n, 2 * n, 1)
        nn.init.zeros_(self.fine_gaussians.weight)
        nn.init.zeros_(self.fine_gaussians.bias)
        self.hyper_synthesis = _FineSynthesis(n, 2 * channels, near, middle)
        self.log_step = nn.Parameter(torch.full((n,), math.log(_FIRST_STEP)))
        self.hyper_prior = Factorized(n)
        # Noise would cost a z₁ that tells nothing a tenth of a bit a symbol, which coding does not.
        self.hyper_quantizer = StraightThroughQuantizer()
        self.coarse_quantizer = NoiseQuantizer()

    def forward(self, latents: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Features of latents (B, M, h, w); likelihoods of z₁ (B, N, h', w') and of z₂."""
        fine = self.hyper_analysis(latents)
        coarse = self.hyper_prior(self.coarse_analysis(fine), self.coarse_quantizer)
        dtype = latents.dtype if self.training else CODING_DTYPE
        told, centres, log_scales = self._expected(coarse.values, fine.shape[-2:], dtype)
        step = self._log_step(dtype).exp()
        quantized = self.hyper_quantizer(fine / step - centres)
        mass = self.gaussian.mass(_centred(log_scales), quantized.lower, quantized.upper)
        decoded = ((quantized.values + centres) * step).to(latents)
        features = self.hyper_synthesis(decoded, told.to(latents))
        return features[..., : latents.size(-2), : latents.size(-1)], {
            "hyper_latents": likelihood(mass, self.training).to(latents),
            "coarse_hyper_latents": coarse.likelihoods["latents"],
        }

    def compress(self, latents: Tensor, coder: EntropyCoder) -> tuple[list[bytes], Tensor]:
        """The strings of z₁ and of z₂, and the features (1, 2M, h, w)."""
        prior, quantizer = self.hyper_prior, self.hyper_quantizer
        fine = self.hyper_analysis(latents[None])
        coarse = prior.symbols(self.coarse_analysis(fine)[0], self.coarse_quantizer)
        coded = prior.encode(coarse, self.coarse_quantizer, coder)
        told, centres, log_scales = self._expected(
            prior.values(coarse, self.coarse_quantizer)[None], fine.shape[-2:], CODING_DTYPE
        )
        residual = fine / self._log_step(CODING_DTYPE).exp() - centres
        symbols = quantizer.symbols(residual, quantizer.variant(fine.shape[1:]))
        string = coder.encode(to_array(symbols), *self._tables_of(log_scales))
        features = self._features(symbols, centres, told)
        return [string, *coded], features[..., : latents.size(-2), : latents.size(-1)]

    def decompress(
        self, strings: Sequence[bytes], size: tuple[int, int], coder: EntropyCoder
    ) -> Tensor:
        """The features (1, 2M, h, w) from the two strings."""
        fine_size = halved(size)
        coarse = self.hyper_prior.decompress(
            strings[1:], halved(fine_size), self.coarse_quantizer, coder
        )
        told, centres, log_scales = self._expected(coarse[None], fine_size, CODING_DTYPE)
        symbols = coder.decode(strings[0], *self._tables_of(log_scales))
        features = self._features(to_tensor(symbols, centres.shape, centres.device), centres, told)
        return features[..., : size[0], : size[1]]

    def update(self) -> None:
        """Make the tables: Gaussians for z₁, densities for z₂."""
        self.hyper_prior.update(self.coarse_quantizer)
        gaussians = self.gaussian.tables(self.hyper_quantizer)
        assert gaussians is not None
        self.tables = {
            "hyper_latents": gaussians,
            "coarse_hyper_latents": self.hyper_prior.tables["latents"],
        }

    def table_counts(self) -> dict[str, int]:
        """Those of Gaussians, and one for each channel of z₂."""
        counts = self.hyper_prior.table_counts(self.coarse_quantizer)
        return {
            "hyper_latents": self.gaussian.table_count(self.hyper_quantizer),
            "coarse_hyper_latents": counts["latents"],
        }

    def load_tables(self, tables: dict[str, FrequencyTables]) -> None:
        """Take the tables of z₁ and of z₂."""
        super().load_tables(tables)
        self.hyper_prior.tables = {"latents": tables["coarse_hyper_latents"]}

    def adopted(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """A mean-scale hyperprior's weights: its z is z₂, and z₁ what it had on the way there."""

        def layer(name: str) -> tuple[Tensor, Tensor] | None:
            found = tensors.get(f"{name}.weight"), tensors.get(f"{name}.bias")
            return None if found[0] is None or found[1] is None else found

        own = {name: value for name, value in tensors.items() if name.startswith("hyper_prior.")}
        for theirs, ours, like in (
            ("hyper_analysis.0", "hyper_analysis.0", _as_it_is),
            ("hyper_analysis.2", "hyper_analysis.2", halving_like),
            ("hyper_analysis.4", "coarse_analysis.1", halving_like),
            ("hyper_synthesis.0", "coarse_synthesis", doubling_like),
            ("hyper_synthesis.2", "hyper_synthesis.layers.1", doubling_like),
            ("hyper_synthesis.4", "hyper_synthesis.layers.3", _as_it_is),
        ):
            found = layer(theirs)
            if found is not None:
                own.update({f"{ours}.{name}": value for name, value in like(*found).items()})
        return own

    @torch.no_grad()
    def fit(self, latents: Tensor) -> None:
        """Let the steps and the densities be as wide as z₁ and z₂ begin."""
        fine = self.hyper_analysis(latents)
        log_deviations = channel_deviations(fine).clamp(min=1e-3).log()
        self.log_step.copy_(log_deviations + math.log(_FIRST_STEP))
        assert self.fine_gaussians.bias is not None
        self.fine_gaussians.bias[self.hyper_channels :] = log_deviations
        self.hyper_prior.fit(self.coarse_analysis(fine))

    def auxiliary_loss(self) -> Tensor:
        """That of the quantiles of z₂."""
        return self.hyper_prior.auxiliary_loss()

    def _expected(
        self, coarse: Tensor, size: Sequence[int], dtype: torch.dtype
    ) -> tuple[Tensor, Tensor, Tensor]:
        """What ẑ₂ (B, N, h'', w'') tells: (B, N, 2 h'', 2 w''), and Gaussians of z₁ in its steps.

        The Gaussians' means and log-scales are each (B, N, h', w'); while coding, means are
        snapped.
        """
        told = computed_in(dtype, self.coarse_synthesis, coarse)
        gaussians = computed_in(dtype, self.fine_gaussians, told)[..., : size[0], : size[1]]
        means, log_scales = gaussians.chunk(2, 1)
        log_step = self._log_step(dtype)
        means = means * (-log_step).exp()
        return told, means if self.training else snapped(means), log_scales - log_step

    def _tables_of(self, log_scales: Tensor) -> tuple[Integers, FrequencyTables]:
        """The tables of one image's z₁, and which each symbol has."""
        if "hyper_latents" not in self.tables:
            raise CodecError(
                f"{type(self).__name__}: no tables of hyper_latents; make them with the codec's "
                "update(), or load exported weights"
            )
        components = _centred(log_scales.reshape(1, 1, -1))
        _, indices, tables = self.gaussian.choose(
            Components(*(part[0] for part in components)),
            torch.zeros(log_scales.numel(), dtype=torch.int64, device=log_scales.device),
            self.hyper_quantizer,
            self.tables["hyper_latents"],
        )
        return indices, tables

    def _features(self, symbols: Tensor, centres: Tensor, told: Tensor) -> Tensor:
        decoded = (symbols + centres) * self._log_step(CODING_DTYPE).exp()
        return computed_in(CODING_DTYPE, self.hyper_synthesis, decoded, told)

    def _log_step(self, dtype: torch.dtype) -> Tensor:
        return self.log_step.to(dtype)[:, None, None]


class _FineSynthesis(nn.Module):
    """ẑ₁ (B, N, h', w') and what ẑ₂ told (B, N, ≥ h', ≥ w') → features, to be cropped."""

    def __init__(self, hyper_channels: int, features: int, near: int, middle: int) -> None:
        super().__init__()
        n = hyper_channels
        last = nn.Conv2d(2 * n, n, 1)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.join = nn.Sequential(nn.Conv2d(2 * n, 2 * n, 1), nn.LeakyReLU(), last)
        self.layers = nn.Sequential(
            nn.LeakyReLU(),
            doubling(n, middle),
            nn.LeakyReLU(),
            nn.Conv2d(n, features, near, padding=near // 2),
        )

    def forward(self, fine: Tensor, told: Tensor) -> Tensor:
        beyond = (0, told.size(-1) - fine.size(-1), 0, told.size(-2) - fine.size(-2))
        both = torch.cat([F.pad(fine, beyond), told], 1)
        features: Tensor = self.layers(told + self.join(both))
        return features


def _centred(log_scales: Tensor) -> Components:
    """Gaussians around 0 of these log-scales (B, …), as components (B, 1, …)."""
    scales = log_scales[:, None]
    return Components(torch.zeros_like(scales), torch.zeros_like(scales), scales)


def _as_it_is(weight: Tensor, bias: Tensor) -> dict[str, Tensor]:
    return {"weight": weight, "bias": bias}
