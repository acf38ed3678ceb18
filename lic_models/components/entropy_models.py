"""Entropy models: what a latent is expected to be, hence what it costs and which tables code it.

    factorized            y ─ μ ──► quantizer ──► symbols, one table per channel
    scale hyperprior      |y| ─► hyper-analysis ─► z (factorized) ─► hyper-synthesis ─► σ
    mean-scale            y ─► hyper-analysis ─► z (factorized) ─► hyper-synthesis ─► μ, σ

The same object trains (`forward`) and codes (`compress`, `decompress`). While coding, everything
that chooses a table is computed in float64: another thread count, instruction set or device
changes the last digits of a convolution, and a table index that flips on the way to the decoder
breaks the rest of the stream. In float32 that happens in a few of eight images; in float64 the
digits that differ are nine orders of magnitude finer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from compressai.entropy_models import EntropyBottleneck
from compressai.ops.bound_ops import LowerBoundFunction
from torch import Tensor, nn
from torch.nn import functional as F

from lic_models.components.entropy_coders import EntropyCoder
from lic_models.components.frequency_tables import FrequencyTables
from lic_models.components.quantizers import NoiseQuantizer, Quantizer
from pytest_lic.errors import CodecError, UsageError

_LEAST_MASS = 1e-9  # as CompressAI's: keeps a latent far from all expectation from costing ∞ bits
_REACH = 6.2  # standard deviations that a Gaussian's table spans on either side


class Rated(NamedTuple):
    """A latent as the synthesis gets it, and what each of its symbols is likely to be.

    Args:
        values: (B, M, h, w).
        likelihoods: name → (B, C, h, w), in (0, 1]; the rate is the sum of −log2 over all of them.
    """

    values: Tensor
    likelihoods: dict[str, Tensor]


class EntropyModel(nn.Module):
    """Base of the entropy models.

    Args:
        latent_channels: M; None takes as many as the transform gives.
    """

    latent_channels: int | None = None

    def __init__(self, latent_channels: int | None = None) -> None:
        super().__init__()
        self.tables: dict[str, FrequencyTables] = {}
        if latent_channels is not None:
            self.build(latent_channels)

    def build(self, latent_channels: int) -> None:
        """Make the parameters, once M is known."""
        raise NotImplementedError

    def forward(self, latents: Tensor, quantizer: Quantizer) -> Rated:
        """Latents (B, M, h, w), quantised (by proxy in training mode) and rated."""
        raise NotImplementedError

    def update(self, quantizer: Quantizer) -> None:
        """Make the tables anew from the parameters."""
        raise NotImplementedError

    def compress(self, latents: Tensor, quantizer: Quantizer, coder: EntropyCoder) -> list[bytes]:
        """One image's latent (M, h, w) as strings."""
        raise NotImplementedError

    def decompress(
        self,
        strings: list[bytes],
        size: tuple[int, int],
        quantizer: Quantizer,
        coder: EntropyCoder,
    ) -> Tensor:
        """The latent (M, h, w), float32, as the synthesis gets it, from the strings and (h, w).

        Raises:
            CorruptBitstreamError: strings that are no code of such a latent.
        """
        raise NotImplementedError

    def load_tables(self, tables: Mapping[str, FrequencyTables]) -> None:
        """Take tables that came with the weights, so that every machine codes with the same."""
        self.tables = dict(tables)

    def table_indices(self, latents: Tensor, *, dtype: torch.dtype = torch.float64) -> Tensor:
        """Which distribution each latent (M, h, w) is coded with, int64, computed in ``dtype``."""
        raise NotImplementedError

    def fit(self, latents: Tensor) -> None:
        """Start from distributions as wide as the channels of ``latents`` (B, M, h, w)."""
        raise NotImplementedError

    def auxiliary_loss(self) -> Tensor:
        """How far the quantiles, which tell the tables' extent and the medians, are off."""
        raise NotImplementedError


class Factorized(EntropyModel):
    """One learned density per channel, the same at every position.

    Ballé, Minnen, Singh, Hwang and Johnston, ICLR 2018, appendix 6.1; CompressAI's
    ``EntropyBottleneck`` holds and evaluates the densities.
    """

    def build(self, latent_channels: int) -> None:
        """Make the densities of M channels."""
        self.latent_channels = latent_channels
        self.density = EntropyBottleneck(latent_channels)

    def forward(self, latents: Tensor, quantizer: Quantizer) -> Rated:
        """Latents (B, M, h, w), quantised around each channel's median and rated."""
        medians = self._medians()
        quantized = quantizer(latents - medians)
        mass = _mass(self.density, quantized.lower + medians, quantized.upper + medians)
        return Rated(quantized.values + medians, {"latents": _at_least(mass, _LEAST_MASS)})

    @torch.no_grad()
    def update(self, quantizer: Quantizer) -> None:
        """Make the tables: channel by channel, and within one, dither level by dither level."""
        self.density._update_quantiles()
        quantiles = self.density.quantiles.detach().cpu().double()
        below = (quantiles[:, 0, 1] - quantiles[:, 0, 0]).ceil().clamp(min=1).int()
        above = (quantiles[:, 0, 2] - quantiles[:, 0, 1]).ceil().clamp(min=1).int()
        symbols = torch.arange(-int(below.max()), int(above.max()) + 1, dtype=torch.int32)
        grid = symbols.reshape(1, 1, -1, 1).expand(1, self._channels, -1, quantizer.variants)
        variant = torch.arange(quantizer.variants).expand(grid.shape)
        lower, upper = quantizer.edges(grid, variant)
        medians = self._medians().cpu().double()
        density = _double(self.density)
        masses = _mass(density, lower.double() + medians, upper.double() + medians)[0].numpy()
        rows, offsets = [], []
        for channel in range(self._channels):
            first = int(below.max() - below[channel])
            last = first + int(below[channel] + above[channel]) + 1
            for column in range(quantizer.variants):
                rows.append(masses[channel, first:last, column])
                offsets.append(-int(below[channel]))
        self.tables = {"latents": FrequencyTables.from_masses(rows, offsets)}

    def compress(self, latents: Tensor, quantizer: Quantizer, coder: EntropyCoder) -> list[bytes]:
        """One image's latent (M, h, w) as one string."""
        variant = quantizer.variant(tuple(latents.shape)).to(latents.device)
        residual = latents.double() - self._medians()[0].double()
        symbols = quantizer.symbols(residual, variant)
        tables, indices = self.tables["latents"], self._indices(latents.shape, quantizer)
        return [coder.encode(_flat(symbols), indices, tables)]

    def decompress(
        self,
        strings: list[bytes],
        size: tuple[int, int],
        quantizer: Quantizer,
        coder: EntropyCoder,
    ) -> Tensor:
        """The latent (M, h, w), float32, from its string and (h, w)."""
        shape = (self._channels, *size)
        medians = self._medians()[0].double()
        symbols = coder.decode(strings[0], self._indices(shape, quantizer), self.tables["latents"])
        variant = quantizer.variant(shape).to(medians.device)
        values = quantizer.values(_like(symbols, shape, medians.device), variant)
        return (values.double() + medians).float()

    def table_indices(self, latents: Tensor, *, dtype: torch.dtype = torch.float64) -> Tensor:
        """The channel of each latent (M, h, w)."""
        channels = torch.arange(self._channels, device=latents.device)
        return channels.reshape(-1, 1, 1).expand(latents.shape)

    @torch.no_grad()
    def fit(self, latents: Tensor) -> None:
        """Let each density begin as wide as its channel, with a logistic's tails."""
        deviations = latents.std((0, 2, 3))
        scales = (deviations * math.sqrt(3.0) / math.pi).clamp(min=0.3)
        first = self.density.matrices[0]
        slope = F.softplus(first) * (self.density.init_scale / scales)[:, None, None]
        first.copy_(torch.where(slope > 20, slope, slope.expm1().log()))  # softplus, inverted
        self.density.quantiles.copy_(scales[:, None, None] * torch.tensor([-21.0, 0.0, 21.0]))

    def auxiliary_loss(self) -> Tensor:
        """CompressAI's loss of the quantiles."""
        loss: Tensor = self.density.loss()
        return loss

    @property
    def _channels(self) -> int:
        if self.latent_channels is None:
            raise UsageError("entropy model without latent_channels; call build(latent_channels)")
        return self.latent_channels

    def _medians(self) -> Tensor:
        """(1, M, 1, 1)."""
        medians: Tensor = self.density.quantiles[:, 0, 1].detach()
        return medians.reshape(1, -1, 1, 1)

    def _indices(
        self, shape: tuple[int, ...], quantizer: Quantizer
    ) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
        channels = np.arange(self._channels, dtype=np.int32).reshape(-1, 1, 1) * quantizer.variants
        variant = quantizer.variant(tuple(shape)).cpu().numpy()
        return np.broadcast_to(channels + variant, shape).reshape(-1).astype(np.int32)


class ScaleHyperprior(EntropyModel):
    """Zero-mean Gaussians whose scales are predicted from side information z.

    Ballé, Minnen, Singh, Hwang and Johnston, "Variational image compression with a scale
    hyperprior", ICLR 2018. The hyper-transforms are narrow and see each channel in units of its
    own learned scale, so that they train alike at every λ; scales are predicted as logarithms.

    Args:
        latent_channels: M; None takes as many as the transform gives.
        hyper_channels: of z and of the layers of the hyper-transforms.
        scale_levels: number of Gaussians that there are tables for.
        scale_range: the smallest and the largest of their standard deviations.
        kernel_sizes: side of each hyper-layer's kernel, odd; that of the latent's layer first.
    """

    predicts_means = False

    def __init__(
        self,
        latent_channels: int | None = None,
        hyper_channels: int = 32,
        scale_levels: int = 64,
        scale_range: tuple[float, float] = (0.11, 256.0),
        kernel_sizes: tuple[int, int, int] = (3, 5, 5),
    ) -> None:
        if not 0 < scale_range[0] < scale_range[1] or scale_levels < 2:
            raise UsageError(
                f"scale_range: {scale_range} in {scale_levels} scale_levels; expected 0 < "
                "smallest < largest, and at least 2 levels"
            )
        if len(kernel_sizes) != 3 or any(size < 1 or size % 2 == 0 for size in kernel_sizes):
            raise UsageError(f"kernel_sizes: {kernel_sizes}; expected three odd numbers")
        self.hyper_channels = hyper_channels
        self.scale_levels = scale_levels
        self.scale_range = scale_range
        self.kernel_sizes = kernel_sizes
        super().__init__(latent_channels)

    def build(self, latent_channels: int) -> None:
        """Make both hyper-transforms and the densities of z."""
        n, m = self.hyper_channels, latent_channels
        near, middle, far = self.kernel_sizes
        self.latent_channels = m
        self.hyper_analysis = nn.Sequential(
            nn.Conv2d(m, n, near, 1, near // 2),
            nn.LeakyReLU(inplace=True),
            nn.Conv2d(n, n, middle, 2, middle // 2),
            nn.LeakyReLU(inplace=True),
            nn.Conv2d(n, n, far, 2, far // 2),
        )
        self.hyper_synthesis = nn.Sequential(
            nn.ConvTranspose2d(n, n, far, 2, far // 2, output_padding=1),
            nn.LeakyReLU(inplace=True),
            nn.ConvTranspose2d(n, n, middle, 2, middle // 2, output_padding=1),
            nn.LeakyReLU(inplace=True),
            nn.Conv2d(n, 2 * m if self.predicts_means else m, near, 1, near // 2),
        )
        self.log_unit = nn.Parameter(torch.zeros(m))
        self.hyper_prior = Factorized(n)
        self.hyper_quantizer = NoiseQuantizer()

    def forward(self, latents: Tensor, quantizer: Quantizer) -> Rated:
        """Latents (B, M, h, w), quantised around their predicted means and rated."""
        hyper = self.hyper_prior(self._hyper_latents(latents), self.hyper_quantizer)
        means, log_scales = self._predicted(hyper.values, latents.shape[-2:], latents.dtype)
        quantized = quantizer(latents - means)
        low, high = map(math.log, self.scale_range)
        scales = (-_at_least(-_at_least(log_scales, low), -high)).exp()
        mass = _gaussian_mass(quantized.lower / scales, quantized.upper / scales)
        return Rated(
            quantized.values + means,
            {
                "latents": _at_least(mass, _LEAST_MASS),
                "hyper_latents": hyper.likelihoods["latents"],
            },
        )

    @torch.no_grad()
    def update(self, quantizer: Quantizer) -> None:
        """Make the tables: Gaussian by Gaussian, and within one, dither level by dither level."""
        self.hyper_prior.update(self.hyper_quantizer)
        low, high = map(math.log, self.scale_range)
        rows, offsets = [], []
        for step in range(self.scale_levels):
            scale = math.exp(low + (high - low) * step / (self.scale_levels - 1))
            reach = max(1, math.ceil(_REACH * scale))
            symbols = torch.arange(-reach, reach + 1, dtype=torch.int32)
            for level in range(quantizer.variants):
                variant = torch.full(symbols.shape, level)
                lower, upper = quantizer.edges(symbols, variant)
                mass = _gaussian_mass(lower.cpu().double() / scale, upper.cpu().double() / scale)
                rows.append(mass.numpy())
                offsets.append(-reach)
        self.tables = {
            "latents": FrequencyTables.from_masses(rows, offsets),
            "hyper_latents": self.hyper_prior.tables["latents"],
        }

    def compress(self, latents: Tensor, quantizer: Quantizer, coder: EntropyCoder) -> list[bytes]:
        """One image's latent (M, h, w) as two strings, that of z second."""
        hyper_latents = self._hyper_latents(latents[None])[0]
        strings = self.hyper_prior.compress(hyper_latents, self.hyper_quantizer, coder)
        size = (hyper_latents.shape[-2], hyper_latents.shape[-1])
        decoded = self.hyper_prior.decompress(strings, size, self.hyper_quantizer, coder)
        means, log_scales = self._predicted(decoded[None], latents.shape[-2:], torch.float64)
        variant = quantizer.variant(tuple(latents.shape)).to(latents.device)
        symbols = quantizer.symbols(latents.double() - means[0], variant)
        indices = self._nearest_scale(log_scales[0]) * quantizer.variants + variant
        return [coder.encode(_flat(symbols), _flat(indices), self.tables["latents"]), *strings]

    def decompress(
        self,
        strings: list[bytes],
        size: tuple[int, int],
        quantizer: Quantizer,
        coder: EntropyCoder,
    ) -> Tensor:
        """The latent (M, h, w), float32, from its two strings and (h, w)."""
        hyper_size = (-(-size[0] // 4), -(-size[1] // 4))
        hyper = self.hyper_prior
        decoded = hyper.decompress(strings[1:], hyper_size, self.hyper_quantizer, coder)
        means, log_scales = self._predicted(decoded[None], size, torch.float64)
        shape = tuple(means.shape[1:])
        variant = quantizer.variant(shape).to(means.device)
        indices = self._nearest_scale(log_scales[0]) * quantizer.variants + variant
        symbols = coder.decode(strings[0], _flat(indices), self.tables["latents"])
        values = quantizer.values(_like(symbols, shape, means.device), variant)
        return (values.double() + means[0]).float()

    def load_tables(self, tables: Mapping[str, FrequencyTables]) -> None:
        """Take tables that came with the weights, those of z under ``hyper_latents``."""
        super().load_tables(tables)
        self.hyper_prior.load_tables({"latents": tables["hyper_latents"]})

    @torch.no_grad()
    def table_indices(self, latents: Tensor, *, dtype: torch.dtype = torch.float64) -> Tensor:
        """The nearest scale to that of each latent (M, h, w), with z rounded as for coding."""
        medians = self.hyper_prior._medians()
        rounded = (self._hyper_latents(latents[None]) - medians).round() + medians
        _, log_scales = self._predicted(rounded, latents.shape[-2:], dtype)
        return self._nearest_scale(log_scales[0])

    @torch.no_grad()
    def fit(self, latents: Tensor) -> None:
        """Let each channel's unit be its deviation, and z's densities as wide as z begins."""
        deviations = latents.std((0, 2, 3)).clamp(min=0.1)
        self.log_unit.copy_(deviations.log())
        self.hyper_prior.fit(self._hyper_latents(latents))

    def auxiliary_loss(self) -> Tensor:
        """The loss of z's quantiles."""
        return self.hyper_prior.auxiliary_loss()

    def _hyper_latents(self, latents: Tensor) -> Tensor:
        """(B, M, h, w) → (B, N, ⌈⌈h/2⌉/2⌉, ⌈⌈w/2⌉/2⌉)."""
        seen = latents if self.predicts_means else latents.abs()
        hyper: Tensor = self.hyper_analysis(seen * (-self.log_unit).exp()[:, None, None])
        return hyper

    def _predicted(
        self, hyper_latents: Tensor, size: torch.Size | tuple[int, int], dtype: torch.dtype
    ) -> tuple[Tensor, Tensor]:
        """Means and logarithms of the scales, each (B, M, h, w), computed in ``dtype``."""
        weights = dict(self.hyper_synthesis.named_parameters())
        unit = self.log_unit
        if dtype != unit.dtype:
            weights = {name: weight.to(dtype) for name, weight in weights.items()}
            unit = unit.to(dtype)
        predicted: Tensor = torch.func.functional_call(
            self.hyper_synthesis, weights, (hyper_latents.to(dtype),)
        )
        predicted = predicted[..., : size[0], : size[1]]
        unit = unit[:, None, None]
        if not self.predicts_means:
            return torch.zeros_like(predicted), predicted + unit
        means, log_scales = predicted.chunk(2, 1)
        return means * unit.exp(), log_scales + unit

    def _nearest_scale(self, log_scales: Tensor) -> Tensor:
        low, high = map(math.log, self.scale_range)
        steps = (log_scales - low) * ((self.scale_levels - 1) / (high - low))
        if not bool(torch.isfinite(steps).all()):
            raise CodecError("the hyper-synthesis gave scales that are not finite")
        return steps.round().clamp(0, self.scale_levels - 1).long()


class MeanScaleHyperprior(ScaleHyperprior):
    """Gaussians whose means and scales are both predicted from side information z.

    Minnen, Ballé and Toderici, "Joint autoregressive and hierarchical priors for learned image
    compression", NeurIPS 2018, https://arxiv.org/abs/1809.02736, without the autoregression.
    """

    predicts_means = True


def _mass(density: EntropyBottleneck, lower: Tensor, upper: Tensor) -> Tensor:
    """P(lower < y < upper) under each channel's density, (B, C, h, w)."""
    batch, channels, height, width = lower.shape

    def logits(edges: Tensor) -> Tensor:
        rows = edges.transpose(0, 1).reshape(channels, 1, -1)
        found: Tensor = density._logits_cumulative(rows, stop_gradient=False)
        return found

    low, high = logits(lower), logits(upper)
    # Where both are large, the difference of what is missing to 1 keeps its digits.
    sign = -torch.sign(low + high).detach()
    sign = torch.where(sign == 0, torch.ones_like(sign), sign)
    mass = (torch.sigmoid(sign * high) - torch.sigmoid(sign * low)).abs()
    return mass.reshape(channels, batch, height, width).transpose(0, 1)


def _gaussian_mass(lower: Tensor, upper: Tensor) -> Tensor:
    """P(lower < x < upper) of a standard normal x, elementwise."""
    sign = torch.where(lower + upper > 0, -1.0, 1.0).to(lower.dtype)
    root = math.sqrt(0.5)
    # erfc keeps the digits of a small tail, where 1 + erf would lose them.
    far = torch.erfc(-root * sign * upper) - torch.erfc(-root * sign * lower)
    return (0.5 * far).abs()


def _at_least(values: Tensor, bound: float) -> Tensor:
    """``values``, at least ``bound``; gradients that would raise a value still pass."""
    limit = torch.full((1,), bound, dtype=values.dtype, device=values.device)
    bounded: Tensor = LowerBoundFunction.apply(values, limit)
    return bounded


def _double(density: EntropyBottleneck) -> EntropyBottleneck:
    copy = EntropyBottleneck(density.channels)
    copy.load_state_dict(density.state_dict())
    return copy.cpu().double()


def _flat(values: Tensor) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    flat: np.ndarray[tuple[int], np.dtype[np.int32]] = (
        values.to("cpu", torch.int32).contiguous().reshape(-1).numpy()
    )
    return flat


def _like(
    symbols: np.ndarray[tuple[int], np.dtype[np.int32]],
    shape: tuple[int, ...],
    device: torch.device,
) -> Tensor:
    return torch.from_numpy(symbols.astype(np.int32, copy=False)).reshape(shape).to(device)
