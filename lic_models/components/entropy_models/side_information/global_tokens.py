"""Global tokens beside a hyperprior: a few vectors that tell of the whole latent at once.

    y ─┬─► hyper-analysis ─► z ─► hyper-synthesis ───────────────────┬──────── + ─► features
       │                                                     queries │         │
       └─► keys, values ─► T queries attend ─► tokens ─► keys, values ─► attention ─► 1 × 1

Attention weighs positions without telling where they are: tokens are as many and cost as much for
every size of image.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lic_models.components.entropy_coding.coders import EntropyCoder
from lic_models.components.entropy_coding.tables import FrequencyTables
from lic_models.components.entropy_models.factorized import Factorized
from lic_models.components.entropy_models.side_information.base import (
    CODING_DTYPE,
    computed_in,
)
from lic_models.components.entropy_models.side_information.hyperprior import MeanScaleInformation
from pytest_lic.errors import UsageError


class GlobalTokensInformation(MeanScaleInformation):
    """A mean-scale hyperprior, and tokens that have seen the whole latent.

    Kim, Heo and Lee, "Joint global and local hierarchical priors for learned image compression"
    (Informer), CVPR 2022, https://arxiv.org/abs/2112.04487. Untrained tokens change nothing of
    what the hyperprior tells, so that training can begin with a hyperprior's weights.

    Args:
        hyper_channels: N, of z and of the layers of the hyper-transforms.
        kernel_sizes: side of each hyper-layer's kernel, odd; that of the latent's layer first.
        tokens: T, how many.
        token_channels: G, of each as it is coded; each of the T · G numbers has a density of its
            own.
        hidden: channels of the attention.
        heads: of the attention, a divisor of ``hidden``.

    Raises:
        UsageError: channels or kernels that make no hyper-transform, or no attention.
    """

    strings: ClassVar[int] = 2

    def __init__(
        self,
        hyper_channels: int = 32,
        kernel_sizes: tuple[int, int, int] = (3, 5, 5),
        tokens: int = 8,
        token_channels: int = 8,
        hidden: int = 64,
        heads: int = 4,
    ) -> None:
        super().__init__(hyper_channels, kernel_sizes)
        if min(tokens, token_channels, hidden, heads) < 1 or hidden % heads:
            raise UsageError(
                f"tokens: {tokens}, token_channels: {token_channels}, hidden: {hidden}, heads: "
                f"{heads}; expected at least 1 each, and hidden a multiple of heads"
            )
        self.tokens = tokens
        self.token_channels = token_channels
        self.hidden = hidden
        self.heads = heads

    def build(self, channels: int) -> None:
        """Make the parameters for M channels."""
        super().build(channels)
        shape = (self.tokens, self.token_channels, self.hidden, self.heads)
        self.token_analysis = _Gathered(channels, *shape)
        self.token_synthesis = _Spread(channels, *shape)
        coded = self.tokens * self.token_channels
        self.token_prior = Factorized(coded)
        self.token_prior.fit(torch.zeros(2, coded, 1, 1))  # narrow: an untrained token costs little

    def forward(self, latents: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Features of latents (B, M, h, w), the likelihoods of z and of tokens (B, T · G, 1, 1)."""
        features, likelihoods = super().forward(latents)
        tokens = self.token_prior(self.token_analysis(latents), self.hyper_quantizer)
        likelihoods["global_tokens"] = tokens.likelihoods["latents"]
        return self.token_synthesis(features, tokens.values), likelihoods

    def compress(self, latents: Tensor, coder: EntropyCoder) -> tuple[list[bytes], Tensor]:
        """The strings of z and of the tokens, and the features (1, 2M, h, w)."""
        strings, features = super().compress(latents, coder)
        prior, quantizer = self.token_prior, self.hyper_quantizer
        symbols = prior.symbols(self.token_analysis(latents[None])[0], quantizer)
        told = self._told(features, prior.values(symbols, quantizer))
        return [*strings, *prior.encode(symbols, quantizer, coder)], told

    def decompress(
        self, strings: Sequence[bytes], size: tuple[int, int], coder: EntropyCoder
    ) -> Tensor:
        """The features (1, 2M, h, w) from the two strings."""
        features = super().decompress(strings[:1], size, coder)
        tokens = self.token_prior.decompress(strings[1:], (1, 1), self.hyper_quantizer, coder)
        return self._told(features, tokens)

    def update(self) -> None:
        """Make the tables of z and of the tokens."""
        super().update()
        self.token_prior.update(self.hyper_quantizer)
        self.tables = {**self.tables, "global_tokens": self.token_prior.tables["latents"]}

    def table_counts(self) -> dict[str, int]:
        """One for each channel of z, and one for each number of the tokens."""
        counts = self.token_prior.table_counts(self.hyper_quantizer)
        return {**super().table_counts(), "global_tokens": counts["latents"]}

    def load_tables(self, tables: dict[str, FrequencyTables]) -> None:
        """Take the tables of z and of the tokens."""
        super().load_tables(tables)
        self.token_prior.tables = {"latents": tables["global_tokens"]}

    def auxiliary_loss(self) -> Tensor:
        """That of the quantiles of z and of the tokens."""
        return super().auxiliary_loss() + self.token_prior.auxiliary_loss()

    def _told(self, features: Tensor, tokens: Tensor) -> Tensor:
        return computed_in(CODING_DTYPE, self.token_synthesis, features, tokens[None])


class _Gathered(nn.Module):
    """(B, M, h, w) → tokens as they are coded, (B, T · G, 1, 1)."""

    def __init__(
        self, channels: int, tokens: int, token_channels: int, hidden: int, heads: int
    ) -> None:
        super().__init__()
        self.heads = heads
        self.queries = nn.Parameter(torch.randn(1, tokens, hidden))
        self.seen = nn.Sequential(nn.Conv2d(channels, hidden, 1), nn.LeakyReLU())
        self.keys_values = nn.Conv2d(hidden, 2 * hidden, 1)
        self.refined = _Refined(hidden)
        self.coded = nn.Sequential(nn.LayerNorm(hidden), nn.Linear(hidden, token_channels))

    def forward(self, latents: Tensor) -> Tensor:
        positions = self.keys_values(self.seen(latents)).flatten(2).mT
        queries = self.queries.expand(len(latents), -1, -1)
        tokens = queries + _attended(queries, *positions.chunk(2, -1), self.heads)
        coded: Tensor = self.coded(self.refined(tokens))
        return coded.flatten(1)[..., None, None]


class _Spread(nn.Module):
    """Features (B, 2M, h, w) and coded tokens (B, T · G, 1, 1) → features."""

    def __init__(
        self, channels: int, tokens: int, token_channels: int, hidden: int, heads: int
    ) -> None:
        super().__init__()
        self.heads = heads
        self.queries = nn.Conv2d(2 * channels, hidden, 1)
        self.of_token = nn.Parameter(torch.randn(1, tokens, hidden))
        self.decoded = nn.Linear(token_channels, hidden)
        self.refined = _Refined(hidden)
        self.keys_values = nn.Linear(hidden, 2 * hidden)
        last = nn.Conv2d(hidden, 2 * channels, 1)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.join = nn.Sequential(
            nn.LeakyReLU(), nn.Conv2d(hidden, hidden, 1), nn.LeakyReLU(), last
        )

    def forward(self, features: Tensor, coded: Tensor) -> Tensor:
        tokens = self.decoded(coded.flatten(1).unflatten(1, (self.of_token.size(1), -1)))
        keys, values = self.keys_values(self.refined(tokens + self.of_token)).chunk(2, -1)
        queries = self.queries(features)
        told = _attended(queries.flatten(2).mT, keys, values, self.heads)
        corrections: Tensor = self.join(queries + told.mT.unflatten(2, features.shape[-2:]))
        return features + corrections


class _Refined(nn.Module):
    """Two layers for each vector (B, T, C) on its own, added to it."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.LayerNorm(hidden),
            nn.Linear(hidden, 2 * hidden),
            nn.LeakyReLU(),
            nn.Linear(2 * hidden, hidden),
        )

    def forward(self, vectors: Tensor) -> Tensor:
        refined: Tensor = vectors + self.layers(vectors)
        return refined


def _attended(queries: Tensor, keys: Tensor, values: Tensor, heads: int) -> Tensor:
    """What each query (B, Q, C) draws from keys and values (B, K, C) together: (B, Q, C)."""
    split = (part.unflatten(-1, (heads, -1)).transpose(1, 2) for part in (queries, keys, values))
    return F.scaled_dot_product_attention(*split).transpose(1, 2).flatten(2)
