"""Hyperpriors: Gaussians whose parameters are predicted from side information, sent along.

While coding, everything that chooses a table is computed in float64 unless told otherwise: another
thread count, instruction set or device changes the last digits of a convolution, and a table index
that flips on the way to the decoder breaks the rest of the stream. In float32 that happens in a few
of eight images; in float64 the digits that differ are nine orders of magnitude finer; in integers
none differ.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from lic_models.components.bounds import within
from lic_models.components.entropy_coding.coders import EntropyCoder
from lic_models.components.entropy_coding.tables import FrequencyTables
from lic_models.components.entropy_models.base import (
    EntropyModel,
    Rated,
    channel_deviations,
    check_strings,
)
from lic_models.components.entropy_models.bins import Bins
from lic_models.components.entropy_models.factorized import Factorized
from lic_models.components.entropy_models.hyper_transforms import (
    check_hyper_transforms,
    hyper_analysis,
    hyper_size,
    hyper_synthesis,
)
from lic_models.components.entropy_models.integer_synthesis import MEAN_BITS, IntegerSynthesis
from lic_models.components.entropy_models.masses import check_scales, gaussian_mass, likelihood
from lic_models.components.entropy_models.symbols import table_symbols, to_array, to_tensor
from lic_models.components.quantizers import NoiseQuantizer, Quantizer
from pytest_lic.errors import CodecError, UsageError

Arithmetic = Literal["float32", "float64", "integer"]
"""What the hyper-synthesis computes in while coding."""
# Standard deviations that a table spans on either side. What lies beyond, 2e-6 of the mass, costs
# fewer bits as escapes than a count for each symbol there would take from the likely ones.
_REACH = 4.8
_LEAST_REACH = 6  # symbols: an escape costs more than a count each for a few that hardly ever come


class ScaleHyperprior(EntropyModel):
    """Zero-mean Gaussians whose scales are predicted from side information z.

    Ballé, Minnen, Singh, Hwang and Johnston, "Variational image compression with a scale
    hyperprior", ICLR 2018, https://arxiv.org/abs/1802.01436. The hyper-transforms are narrow and
    see each channel in units of its own learned scale, so that they train alike at every λ;
    scales are predicted as logarithms.

    Args:
        latent_channels: M; None takes as many as the transform gives.
        hyper_channels: of z and of the layers of the hyper-transforms.
        scale_levels: number of Gaussians that there are tables for.
        scale_range: the smallest and the largest of their standard deviations.
        kernel_sizes: side of each hyper-layer's kernel, odd; that of the latent's layer first.
        arithmetic: what the hyper-synthesis computes in while coding: ``float64``; ``float32``, in
            which another machine now and then chooses another table; or ``integer``, the same
            on every machine. ``python -m lic_models integer`` makes that of trained weights; it
            can't be trained.

    Attributes:
        bins: what residuals are rounded in. Rate control may have others than these, which are one
            wide: z is made of latents as they are and tells their means and scales, whatever the
            bins, and the scales are then counted in bins.

    Raises:
        UsageError: channels, scales, kernels or an arithmetic that make no model.
    """

    predicts_means = False

    def __init__(
        self,
        latent_channels: int | None = None,
        hyper_channels: int = 32,
        scale_levels: int = 64,
        scale_range: tuple[float, float] = (0.11, 256.0),
        kernel_sizes: tuple[int, int, int] = (3, 5, 5),
        arithmetic: Arithmetic = "float64",
    ) -> None:
        super().__init__()
        if arithmetic not in get_args(Arithmetic):
            kinds = ", ".join(get_args(Arithmetic))
            raise UsageError(f"arithmetic: {arithmetic}; expected one of {kinds}")
        check_hyper_transforms(hyper_channels, kernel_sizes)
        check_scales(scale_levels, scale_range)
        self.hyper_channels = hyper_channels
        self.scale_levels = scale_levels
        self.scale_range = scale_range
        self.kernel_sizes = kernel_sizes
        self.arithmetic = arithmetic
        self.bins = Bins()
        if latent_channels is not None:
            self.build(latent_channels)

    def _make(self, channels: int) -> None:
        n, features = self.hyper_channels, 2 * channels if self.predicts_means else channels
        self.hyper_analysis = hyper_analysis(channels, n, self.kernel_sizes)
        make = IntegerSynthesis if self.arithmetic == "integer" else hyper_synthesis
        self.hyper_synthesis: nn.Module = make(n, features, self.kernel_sizes)
        self.log_unit = nn.Parameter(torch.zeros(channels))
        self.hyper_prior = Factorized(n)
        self.hyper_quantizer = NoiseQuantizer()

    def forward(self, latents: Tensor, quantizer: Quantizer) -> Rated:
        """Latents (B, M, h, w), quantised around their means; see `EntropyModel.forward`.

        Raises:
            UsageError: in training mode, with integers.
        """
        if self.training:
            self._refuse_training()
        hyper = self.hyper_prior(self._hyper_latents(latents), self.hyper_quantizer)
        means, log_scales = self._predicted(hyper.values, latents.shape[-2:], latents.dtype)
        quantized = quantizer(self.bins.counted(latents - means))
        low, high = self._log_range
        log_scales = within(self.bins.log_scales(log_scales), low, high)
        scales = log_scales.exp()
        mass = gaussian_mass(quantized.lower / scales, quantized.upper / scales)
        return Rated(
            self.bins.restored(quantized.values, log_scales) + means,
            {
                "latents": likelihood(mass, self.training),
                "hyper_latents": hyper.likelihoods["latents"],
            },
        )

    @torch.no_grad()
    def update(self, quantizer: Quantizer) -> None:
        """Make the tables: Gaussian by Gaussian, and within one, dither level by dither level.

        Raises:
            CodecError: parameters of z's densities that are not finite.
        """
        self.hyper_prior.update(self.hyper_quantizer)
        low, high = self._log_range
        steps = torch.arange(self.scale_levels, dtype=torch.float64) / (self.scale_levels - 1)
        scales = (low + (high - low) * steps).exp()
        reach = (_REACH * scales).ceil().clamp(min=_LEAST_REACH)
        spans = [table_symbols(quantizer, reach, reach, v) for v in range(quantizer.variants)]
        rows, offsets = [], []
        for index, scale in enumerate(scales):
            for variant, span in enumerate(spans):
                first, last = span[index].tolist()
                symbols = torch.arange(first, last + 1, dtype=torch.int32)
                levels = torch.full_like(symbols, variant, dtype=torch.int64)
                lower, upper = quantizer.edges(symbols, levels, torch.float64)
                rows.append(gaussian_mass(lower / scale, upper / scale).numpy())
                offsets.append(first)
        self.tables = {
            "latents": FrequencyTables.from_masses(rows, offsets),
            "hyper_latents": self.hyper_prior.tables["latents"],
        }

    def table_counts(self, quantizer: Quantizer) -> dict[str, int]:
        """One for each Gaussian and dither level, and one for each channel of z."""
        hyper = self.hyper_prior.table_counts(self.hyper_quantizer)["latents"]
        return {"latents": self.scale_levels * quantizer.variants, "hyper_latents": hyper}

    def load_tables(self, tables: Mapping[str, FrequencyTables], quantizer: Quantizer) -> None:
        """Take tables that came with the weights; see `EntropyModel.load_tables`."""
        super().load_tables(tables, quantizer)
        self.hyper_prior.tables = {"latents": self.tables["hyper_latents"]}

    @torch.no_grad()
    def compress(self, latents: Tensor, quantizer: Quantizer, coder: EntropyCoder) -> list[bytes]:
        """One image's latent (M, h, w) as two strings, z's second; see `EntropyModel.compress`."""
        hyper_strings, means, log_scales = self._told(latents, coder)
        variant = quantizer.variant(tuple(latents.shape)).to(latents.device)
        residual = self.bins.counted((latents.double() - means)[None])[0]
        symbols = to_array(quantizer.symbols(residual, variant))
        nearest = self._nearest(self.bins.log_scales(log_scales[None])[0])
        indices = to_array(nearest * quantizer.variants + variant)
        return [coder.encode(symbols, indices, self._table("latents")), *hyper_strings]

    @torch.no_grad()
    def decompress(
        self,
        strings: Sequence[bytes],
        size: tuple[int, int],
        quantizer: Quantizer,
        coder: EntropyCoder,
    ) -> Tensor:
        """The latent (M, h, w), float32, from its two strings; see `EntropyModel.decompress`."""
        check_strings(strings, 2)
        means, log_scales = self._read(strings[1:], size, coder)
        variant = quantizer.variant(tuple(means.shape)).to(means.device)
        log_scales = self.bins.log_scales(log_scales[None])
        indices = to_array(self._nearest(log_scales[0]) * quantizer.variants + variant)
        symbols = coder.decode(strings[0], indices, self._table("latents"))
        values = quantizer.values(to_tensor(symbols, means.shape, means.device), variant)
        restored = self.bins.restored(values.double()[None], log_scales.clamp(*self._log_range))[0]
        return (restored + means).float()

    @torch.no_grad()
    def fit(self, latents: Tensor) -> None:
        """Let each channel's unit be its deviation, and z's densities as wide as z begins."""
        self._refuse_training()
        deviations = channel_deviations(latents).clamp(min=0.1)
        self.log_unit.copy_(deviations.log())
        self.hyper_prior.fit(self._hyper_latents(latents))

    def auxiliary_loss(self) -> Tensor:
        """The loss of z's quantiles."""
        return self.hyper_prior.auxiliary_loss()

    @property
    def _log_range(self) -> tuple[float, float]:
        return math.log(self.scale_range[0]), math.log(self.scale_range[1])

    def _told(self, latents: Tensor, coder: EntropyCoder) -> tuple[list[bytes], Tensor, Tensor]:
        """z's string of one image's latent (M, h, w), and what is predicted of it."""
        prior, size = self.hyper_prior, (latents.shape[-2], latents.shape[-1])
        symbols = prior.symbols(self._hyper_latents(latents[None])[0], self.hyper_quantizer)
        strings = prior.encode(symbols, self.hyper_quantizer, coder)
        values = prior.values(symbols, self.hyper_quantizer)
        return strings, *self._predicted_for_coding(values, size)

    def _read(
        self, strings: Sequence[bytes], size: tuple[int, int], coder: EntropyCoder
    ) -> tuple[Tensor, Tensor]:
        """What is predicted of the latent whose z has this string."""
        values = self.hyper_prior.decompress(strings, hyper_size(size), self.hyper_quantizer, coder)
        return self._predicted_for_coding(values, size)

    def _hyper_latents(self, latents: Tensor) -> Tensor:
        """(B, M, h, w) → (B, N, ⌈h / 4⌉, ⌈w / 4⌉), not yet quantised."""
        seen = latents if self.predicts_means else latents.abs()
        hyper: Tensor = self.hyper_analysis(seen * (-self.log_unit).exp()[:, None, None])
        return hyper

    def _predicted(
        self, hyper_latents: Tensor, size: Sequence[int], dtype: torch.dtype
    ) -> tuple[Tensor, Tensor]:
        """Means and logarithms of the scales, each (B, M, h, w), computed in ``dtype``.

        Integers give the scales that there are tables for, whatever the type.
        """
        if isinstance(self.hyper_synthesis, IntegerSynthesis):
            whole = self.hyper_synthesis(hyper_latents)[..., : size[0], : size[1]]
            low, high = self._log_range
            step = (high - low) / (self.scale_levels - 1)
            indices = whole[:, -len(self.log_unit) :].clamp_(0, self.scale_levels - 1)
            log_scales = indices.mul_(step).add_(low).to(dtype)
            if not self.predicts_means:
                return torch.zeros_like(log_scales), log_scales
            return whole[:, : len(self.log_unit)].mul_(2.0**-MEAN_BITS).to(dtype), log_scales
        weights: dict[str, Tensor] = dict(self.hyper_synthesis.named_parameters())
        unit: Tensor = self.log_unit
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

    def _predicted_for_coding(
        self, hyper_latents: Tensor, size: tuple[int, int]
    ) -> tuple[Tensor, Tensor]:
        """One image's means and the logarithms of its scales, each (M, h, w), float64 mostly.

        Raises:
            CodecError: a prediction that is not finite.
        """
        dtype = torch.float32 if self.arithmetic == "float32" else torch.float64
        means, log_scales = self._predicted(hyper_latents[None], size, dtype)
        if not bool(torch.isfinite(means).all() & torch.isfinite(log_scales).all()):
            raise CodecError(
                "the hyper-synthesis predicts means or scales that are not finite; look for NaN "
                "in the weights, or train with a lower learning rate"
            )
        return means[0], log_scales[0]

    def _refuse_training(self) -> None:
        if self.arithmetic == "integer":
            raise UsageError(
                "arithmetic: integer can't be trained; train with float64, then make integers of "
                "the exported weights: python -m lic_models integer WEIGHTS --data FOLDER"
            )

    def _nearest(self, log_scales: Tensor) -> Tensor:
        """The places of the nearest scales that there are tables for, int64, (M, h, w)."""
        low, high = self._log_range
        steps = (log_scales - low) * ((self.scale_levels - 1) / (high - low))
        return steps.round().clamp(0, self.scale_levels - 1).long()


class MeanScaleHyperprior(ScaleHyperprior):
    """Gaussians whose means and scales are both predicted from side information z.

    Minnen, Ballé and Toderici, "Joint autoregressive and hierarchical priors for learned image
    compression", NeurIPS 2018, https://arxiv.org/abs/1809.02736, without the autoregression.
    """

    predicts_means = True
