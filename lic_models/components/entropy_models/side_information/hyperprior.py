"""Hyperpriors: side information z, a latent's latent at a quarter of its sides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor

from lic_models.components.entropy_coding.coders import EntropyCoder
from lic_models.components.entropy_coding.tables import FrequencyTables
from lic_models.components.entropy_models.factorized import Factorized
from lic_models.components.entropy_models.hyper_transforms import (
    check_hyper_transforms,
    hyper_analysis,
    hyper_size,
    hyper_synthesis,
)
from lic_models.components.entropy_models.side_information.base import (
    CODING_DTYPE,
    SideInformation,
    computed_in,
)
from lic_models.components.quantizers import NoiseQuantizer


class ScaleInformation(SideInformation):
    """Tells scales, from the latent's magnitudes; its means are 0.

    Ballé, Minnen, Singh, Hwang and Johnston, "Variational image compression with a scale
    hyperprior", ICLR 2018, https://arxiv.org/abs/1802.01436.

    Args:
        hyper_channels: N, of z and of the layers of the hyper-transforms.
        kernel_sizes: side of each hyper-layer's kernel, odd; that of the latent's layer first.

    Raises:
        UsageError: channels or kernels that make no hyper-transform.
    """

    strings: ClassVar[int] = 1
    predicts_means = False

    def __init__(
        self, hyper_channels: int = 32, kernel_sizes: tuple[int, int, int] = (3, 5, 5)
    ) -> None:
        super().__init__()
        check_hyper_transforms(hyper_channels, kernel_sizes)
        self.hyper_channels = hyper_channels
        self.kernel_sizes = kernel_sizes

    def build(self, channels: int) -> None:
        """Make the parameters for M channels."""
        n, features = self.hyper_channels, 2 * channels if self.predicts_means else channels
        self.hyper_analysis = hyper_analysis(channels, n, self.kernel_sizes)
        self.hyper_synthesis = hyper_synthesis(n, features, self.kernel_sizes)
        self.hyper_prior = Factorized(n)
        self.hyper_quantizer = NoiseQuantizer()

    def forward(self, latents: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Features of latents (B, M, h, w), and the likelihoods of z, (B, N, h', w')."""
        hyper = self.hyper_prior(self._hyper_latents(latents), self.hyper_quantizer)
        features = self._features(self.hyper_synthesis(hyper.values), latents.shape[-2:])
        return features, {"hyper_latents": hyper.likelihoods["latents"]}

    def compress(self, latents: Tensor, coder: EntropyCoder) -> tuple[list[bytes], Tensor]:
        """z's string, and the features (1, 2M, h, w)."""
        prior, quantizer = self.hyper_prior, self.hyper_quantizer
        symbols = prior.symbols(self._hyper_latents(latents[None])[0], quantizer)
        hyper_latents = prior.values(symbols, quantizer)
        features = self._features_for_coding(hyper_latents, latents.shape[-2:])
        return prior.encode(symbols, quantizer, coder), features

    def decompress(
        self, strings: Sequence[bytes], size: tuple[int, int], coder: EntropyCoder
    ) -> Tensor:
        """The features (1, 2M, h, w) from z's string."""
        hyper_latents = self.hyper_prior.decompress(
            strings, hyper_size(size), self.hyper_quantizer, coder
        )
        return self._features_for_coding(hyper_latents, size)

    def update(self) -> None:
        """Make z's tables."""
        self.hyper_prior.update(self.hyper_quantizer)
        self.tables = {"hyper_latents": self.hyper_prior.tables["latents"]}

    def table_counts(self) -> dict[str, int]:
        """One for each channel of z."""
        counts = self.hyper_prior.table_counts(self.hyper_quantizer)
        return {"hyper_latents": counts["latents"]}

    def load_tables(self, tables: dict[str, FrequencyTables]) -> None:
        """Take z's tables."""
        super().load_tables(tables)
        self.hyper_prior.tables = {"latents": tables["hyper_latents"]}

    def adopted(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """A hyperprior's weights; of one that predicts means too, the part that predicts scales."""
        own = {name: value for name, value in tensors.items() if name.startswith("hyper_")}
        for name, value in self.hyper_synthesis.state_dict().items():
            told = own.get(f"hyper_synthesis.{name}")
            if told is not None and len(told) == 2 * len(value):
                own[f"hyper_synthesis.{name}"] = told.chunk(2)[1]
        return own

    @torch.no_grad()
    def fit(self, latents: Tensor) -> None:
        """Let z's densities be as wide as z begins."""
        self.hyper_prior.fit(self._hyper_latents(latents))

    def auxiliary_loss(self) -> Tensor:
        """That of z's quantiles."""
        return self.hyper_prior.auxiliary_loss()

    def _hyper_latents(self, latents: Tensor) -> Tensor:
        hyper: Tensor = self.hyper_analysis(latents if self.predicts_means else latents.abs())
        return hyper

    def _features(self, synthesised: Tensor, size: Sequence[int]) -> Tensor:
        features = synthesised[..., : size[0], : size[1]]
        return (
            features
            if self.predicts_means
            else torch.cat([torch.zeros_like(features), features], 1)
        )

    def _features_for_coding(self, hyper_latents: Tensor, size: Sequence[int]) -> Tensor:
        synthesised = computed_in(CODING_DTYPE, self.hyper_synthesis, hyper_latents[None])
        return self._features(synthesised, size)


class MeanScaleInformation(ScaleInformation):
    """Tells means and scales, from the latent.

    Minnen, Ballé and Toderici, "Joint autoregressive and hierarchical priors for learned image
    compression", NeurIPS 2018, https://arxiv.org/abs/1809.02736.
    """

    predicts_means = True
