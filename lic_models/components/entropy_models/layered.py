"""A hyperprior's latent in layers: each bin is cut into three by the layer above.

    finest symbols m ─► ⌊(m + 1) / 3⌋ ─► … ─► the base's symbols ─► string of the base
                     └► m less 3 × that: −1, 0 or 1 ──────────────► string of its layer

What all layers together cost is what the finest symbols alone would: a third's probability is that
of its bin given the bin that it is of.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from lic_models.components.entropy_coding.coders import EntropyCoder
from lic_models.components.entropy_coding.counts import Integers
from lic_models.components.entropy_coding.tables import FrequencyTables
from lic_models.components.entropy_models.base import check_strings
from lic_models.components.entropy_models.bins import Bins
from lic_models.components.entropy_models.hyperprior import MeanScaleHyperprior
from lic_models.components.entropy_models.masses import gaussian_mass
from lic_models.components.entropy_models.symbols import to_array, to_tensor
from lic_models.components.quantizers import Quantizer
from pytest_lic.errors import CorruptBitstreamError, UsageError

THIRDS = 3
_FARTHEST = 15  # bins from the mean; those beyond are cut as this one is


class NestedBins(Bins, ABC):
    """Bins of several layers, those of the highest one wide, each three times those of the next."""

    @property
    @abstractmethod
    def layer(self) -> int:
        """Up to which layer is coded, from 0, the base, on."""


class LayeredHyperprior(MeanScaleHyperprior):
    """A mean-scale hyperprior that codes a latent as a base and enhancement layers, a string each.

    Lu, Zhu, Yang, Said and Cohen, "Progressive neural image compression with nested quantization
    and latent ordering", ICIP 2021, https://arxiv.org/abs/2102.02913. A layer tells of each bin of
    the layer below which third of it is meant, with a probability that the same mean and scale
    give. The strings of a lower level are those of a higher one, less the last, which are empty.
    `ResidualLayers` chooses the level.

    Args:
        layers: how many there are, the base included.
        latent_channels: as those of `MeanScaleHyperprior`, and so are the others.
        hyper_channels: of z and of the layers of the hyper-transforms.
        scale_levels: number of Gaussians that there are tables for.
        scale_range: the smallest and the largest of their standard deviations, in bins.
        kernel_sizes: side of each hyper-layer's kernel, odd; that of the latent's layer first.

    Raises:
        UsageError: as `MeanScaleHyperprior`; fewer than two layers; when the codec is put together,
            a quantizer that codes by anything but rounding.
    """

    def __init__(
        self,
        layers: int = 3,
        latent_channels: int | None = None,
        hyper_channels: int = 32,
        scale_levels: int = 64,
        scale_range: tuple[float, float] = (0.11, 256.0),
        kernel_sizes: tuple[int, int, int] = (3, 5, 5),
    ) -> None:
        if layers < 2:
            raise UsageError(f"layers: {layers}; expected at least 2, a base and an enhancement")
        self.layers = layers
        super().__init__(latent_channels, hyper_channels, scale_levels, scale_range, kernel_sizes)

    def check_quantizer(self, quantizer: Quantizer) -> None:
        """Raise UsageError where symbols are other than whole numbers, rounded."""
        kind = type(quantizer)
        if kind.symbols is not Quantizer.symbols or kind.edges is not Quantizer.edges:
            raise UsageError(
                f"quantizer: {kind.__name__} has no bins that lie within larger ones, which "
                "entropy_model: LayeredHyperprior needs; take NoiseQuantizer or MixedQuantizer"
            )

    @torch.no_grad()
    def update(self, quantizer: Quantizer) -> None:
        """Make the tables; those of thirds by Gaussian, and by bin from the mean on."""
        super().update(quantizer)
        self.tables["thirds"] = self._tables_of_thirds()

    def table_counts(self, quantizer: Quantizer) -> dict[str, int]:
        """Those of a hyperprior, and one for each Gaussian and distance from the mean."""
        thirds = self.scale_levels * (_FARTHEST + 1)
        return {**super().table_counts(quantizer), "thirds": thirds}

    @torch.no_grad()
    def compress(self, latents: Tensor, quantizer: Quantizer, coder: EntropyCoder) -> list[bytes]:
        """One image's latent (M, h, w): the base's string, z's, and that of each layer above."""
        hyper_strings, means, log_scales = self._told(latents, coder)
        variant = quantizer.variant(tuple(latents.shape)).to(latents.device)
        of_layer = [quantizer.symbols(latents.double() - means, variant)]
        while len(of_layer) < self.layers:
            of_layer.insert(0, _parents(of_layer[0]))
        base = to_array(self._nearest_of(0, log_scales))
        strings = [coder.encode(to_array(of_layer[0]), base, self._table("latents"))]
        strings += hyper_strings
        for layer in range(1, self.layers):
            if layer > self._coded_layer:
                strings.append(b"")
                continue
            parents = of_layer[layer - 1]
            thirds = (of_layer[layer] - THIRDS * parents) * _directions(parents)
            indices = self._third_indices(layer, log_scales, parents)
            strings.append(coder.encode(to_array(thirds), indices, self._table("thirds")))
        return strings

    @torch.no_grad()
    def decompress(
        self,
        strings: Sequence[bytes],
        size: tuple[int, int],
        quantizer: Quantizer,
        coder: EntropyCoder,
    ) -> Tensor:
        """The latent (M, h, w), float32, of the layers up to the level's.

        Raises:
            CorruptBitstreamError: as `EntropyModel.decompress`; strings of layers above.
            CodecError: no tables yet.
        """
        check_strings(strings, 1 + self.layers)
        highest = self._coded_layer
        if any(strings[2 + highest :]):
            raise CorruptBitstreamError(
                f"strings of more layers than {1 + highest}, which this level has"
            )
        means, log_scales = self._read(strings[1:2], size, coder)
        base = to_array(self._nearest_of(0, log_scales))
        read = coder.decode(strings[0], base, self._table("latents"))
        symbols = to_tensor(read, means.shape, means.device)
        for layer in range(1, 1 + highest):
            indices = self._third_indices(layer, log_scales, symbols)
            read = coder.decode(strings[1 + layer], indices, self._table("thirds"))
            thirds = to_tensor(read, means.shape, means.device)
            symbols = THIRDS * symbols + thirds * _directions(symbols)
        width = float(THIRDS ** (self.layers - 1 - highest))
        return (symbols.double() * width + means).float()

    @property
    def _coded_layer(self) -> int:
        return self.bins.layer if isinstance(self.bins, NestedBins) else self.layers - 1

    def _nearest_of(self, layer: int, log_scales: Tensor) -> Tensor:
        """The places of the nearest scales, in bins of a layer, int64 (M, h, w)."""
        # Never by way of another layer's bins: the last digits would depend on which is coded.
        return self._nearest(log_scales - (self.layers - 1 - layer) * math.log(THIRDS))

    def _third_indices(self, layer: int, log_scales: Tensor, parents: Tensor) -> Integers:
        distances = parents.abs().clamp(max=_FARTHEST)
        return to_array(self._nearest_of(layer, log_scales) * (_FARTHEST + 1) + distances)

    def _tables_of_thirds(self) -> FrequencyTables:
        low, high = self._log_range
        steps = torch.arange(self.scale_levels, dtype=torch.float64) / (self.scale_levels - 1)
        scales = (low + (high - low) * steps).exp()[:, None, None]
        parents = torch.arange(_FARTHEST + 1, dtype=torch.float64)[:, None]
        bins = THIRDS * parents + torch.tensor([-1.0, 0.0, 1.0], dtype=torch.float64)
        # Where all is too improbable to tell, the third next to the mean is the likely one.
        least = torch.tensor([1e-290, 1e-300, 1e-300], dtype=torch.float64)
        masses = gaussian_mass((bins - 0.5) / scales, (bins + 0.5) / scales) + least
        rows = (masses / masses.sum(-1, keepdim=True)).flatten(0, 1).numpy()
        return FrequencyTables.from_masses(list(rows), np.full(len(rows), -1, np.int32))


def _parents(symbols: Tensor) -> Tensor:
    """The symbols of the layer below."""
    return torch.div(symbols + 1, THIRDS, rounding_mode="floor")


def _directions(parents: Tensor) -> Tensor:
    """1 or −1: thirds of a bin are counted away from the mean, so that one table does for both."""
    return torch.where(parents < 0, -1, 1).to(parents.dtype)
