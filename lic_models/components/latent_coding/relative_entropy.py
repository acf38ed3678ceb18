"""Relative-entropy coding: a latent is a random draw, and its bytes tell which one it is.

y ─► ladder ─► posteriors, priors ─► samplers ─► two strings, of level 2 and of level 1

Nothing is rounded, and there are no tables. What a decoder reads depends on integers alone, so a
float that is off by a little on another machine moves a latent by as little.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence

from lic_models.components.bounds import within
from lic_models.components.entropy_coding.tables import FrequencyTables
from lic_models.components.entropy_models.base import Rated, check_strings
from lic_models.components.latent_coding.base import LatentCoding, Note
from lic_models.components.relative_entropy_coding import (
    Gaussians,
    ImportanceSampler,
    Sampler,
)
from lic_models.components.relative_entropy_coding.gaussians import Targets
from lic_models.components.relative_entropy_coding.ladder import Ladder
from lic_models.components.relative_entropy_coding.normals import Floats
from pytest_lic.errors import CodecError, UsageError, WeightsError

_MOST_NATS = 700.0
"""Of a dimension: the logarithm of float64's smallest normal number."""


class CodedLevel(NamedTuple):
    """One level of a latent: what was expected, what there was, and the draw that was sent.

    Attributes:
        posterior: of n dimensions.
        prior: of as many.
        draw: (n,).
        string: that decodes to it, with the prior.
    """

    posterior: Gaussians
    prior: Gaussians
    draw: Floats
    string: bytes

    @classmethod
    def of(cls, sampler: Sampler, posterior: Gaussians, prior: Gaussians) -> CodedLevel:
        """What a sampler makes of it.

        Raises:
            CodecError: more divergence than it codes.
        """
        try:
            string, draw = sampler.encode(posterior, prior)
        except UsageError as error:
            raise CodecError(f"latent: {error}") from None
        return cls(posterior, prior, draw, string)

    @property
    def divergence(self) -> float:
        """KL(posterior ‖ prior), in bits: the theoretical rate."""
        return float(Targets.of(self.posterior, self.prior).bits.sum())


class RelativeEntropyCoding(LatentCoding):
    """A two-level ladder, and a sampler for each level.

    In training, likelihoods are exp(−KL) of each dimension: the rate is what coding costs beyond
    what a sampler adds. In evaluation mode too, and the values are exact draws, of fixed noise:
    those of a biased sampler are others.

    The networks of Flamich, "Compression without quantization", MPhil thesis, University of
    Cambridge 2019, and draws that are sent as Havasi et al. 2019,
    https://arxiv.org/abs/1810.00440, send them.

    Args:
        hyper_channels: N, of level 2.
        kernel_sizes: side of each of its layers' kernels, odd; that of the latent's layer first.
        sampler: of level 1; adaptive importance by default, which gives more PSNR for its bytes
            than greedy shards, the thesis's choice, but takes longer to encode.
        hyper_sampler: of level 2; adaptive importance by default: what is off there costs level 1.

    Raises:
        UsageError: channels or kernels that make no network, or samplers of one seed, whose draws
            would depend on each other.
    """

    def __init__(
        self,
        hyper_channels: int = 32,
        kernel_sizes: tuple[int, int, int] = (3, 3, 3),
        sampler: Sampler | None = None,
        hyper_sampler: Sampler | None = None,
    ) -> None:
        self.hyper_channels = hyper_channels
        self.kernel_sizes = kernel_sizes
        # Weights may tell of None alone: other defaults would not read their bitstreams.
        self.sampler = sampler or ImportanceSampler(1, index_bits=11, spare_bits=0, size_bits=5)
        self.hyper_sampler = hyper_sampler or ImportanceSampler(2, spare_bits=1)
        if self.sampler.seed == self.hyper_sampler.seed:
            raise UsageError(
                f"sampler and hyper_sampler have the seed {self.sampler.seed}, and "
                "the levels' draws would depend on each other; give them different ones"
            )
        self.ladder = Ladder(1, hyper_channels, kernel_sizes)  # of no use before `build`

    @property
    def parts(self) -> Mapping[str, nn.Module]:
        """The ladder."""
        return {"ladder": self.ladder}

    def build(self, channels: int, transform: str) -> None:
        """Make the ladder for M channels."""
        self.ladder = Ladder(channels, self.hyper_channels, self.kernel_sizes)

    def forward(self, latents: Tensor) -> Rated:
        """Draws (B, M, h, w), and how likely they make the shared randomness.

        Raises:
            CodecError: in evaluation mode, latents that are not finite.
        """
        if not self.ladder.training:
            _check(latents)
        second = self.ladder.second_posterior(latents)
        below = self._draw(second)
        prior = self.ladder.first_prior(below, (latents.shape[-2], latents.shape[-1]))
        first = self.ladder.first_posterior(latents, prior)
        unit = Normal(torch.zeros_like(below), torch.ones_like(below), validate_args=False)
        return Rated(
            self._draw(first),
            {"latents": _likelihood(first, prior), "hyper_latents": _likelihood(second, unit)},
        )

    def compress(self, latents: Tensor) -> list[bytes]:
        """One image's latent (M, h, w) as the strings of level 2 and of level 1."""
        return [level.string for level in self.coded(latents)]

    @torch.no_grad()
    def coded(self, latents: Tensor) -> tuple[CodedLevel, CodedLevel]:
        """Level 2 and level 1 of one image's latent (M, h, w).

        Raises:
            CodecError: a latent that is not finite, or of more divergence than a sampler codes.
        """
        _check(latents)
        size = (latents.shape[-2], latents.shape[-1])
        found = self.ladder.second_posterior(latents[None])
        second = CodedLevel.of(self.hyper_sampler, _gaussians(found), _units(found.mean.numel()))
        prior = self.ladder.first_prior(_tensor(second.draw, found.mean), size)
        posterior = self.ladder.first_posterior(latents[None], prior)
        return second, CodedLevel.of(self.sampler, _gaussians(posterior), _gaussians(prior))

    @torch.no_grad()
    def decompress(self, strings: Sequence[bytes], size: tuple[int, int]) -> Tensor:
        """The draw (M, h, w) that the strings tell, float32; see `LatentCoding.decompress`."""
        check_strings(strings, 2)
        like = self.ladder.log_unit
        shape = self.ladder.second_size(size)
        drawn = self.hyper_sampler.decode(strings[0], _units(int(np.prod(shape))))
        prior = self.ladder.first_prior(_tensor(drawn, like.new_empty((1, *shape))), size)
        values = self.sampler.decode(strings[1], _gaussians(prior))
        return _tensor(values, prior.mean)[0]

    def update(self) -> None:
        """There are no tables."""

    @property
    def tables(self) -> Mapping[str, FrequencyTables]:
        """None."""
        return {}

    def load_tables(self, tables: Mapping[str, FrequencyTables]) -> None:
        """Take none.

        Raises:
            WeightsError: any.
        """
        if tables:
            raise WeightsError(
                f"found tables of {', '.join(sorted(tables))}; {type(self).__name__} has none"
            )

    def fit(self, latents: Tensor) -> None:
        """Start from priors as wide as the latents; see `Ladder.fit`."""
        self.ladder.fit(latents)

    def auxiliary_loss(self) -> Tensor:
        """Nothing is minimised beside the rate."""
        return torch.zeros(())

    def anneal(self, progress: float) -> None:
        """Nothing moves."""

    def noting(self, note: Note) -> AbstractContextManager[None]:
        """Nothing is noted: there are no symbols of latents."""
        return nullcontext()

    def _draw(self, of: Normal) -> Tensor:
        if self.ladder.training:
            return of.rsample()
        # One image's noise, for every image of a batch.
        noise = torch.randn(of.mean.shape[1:], generator=torch.Generator().manual_seed(0))
        return of.mean + of.scale * noise.to(of.mean.device)


def _likelihood(posterior: Normal, prior: Normal) -> Tensor:
    """exp(−KL) of each dimension, float64: a divergence of 100 nats is none of float32's."""
    divergence: Tensor = kl_divergence(posterior, prior)
    return within(divergence.double(), 0.0, _MOST_NATS).neg().exp()


def _gaussians(of: Normal) -> Gaussians:
    means, scales = (value.detach().cpu().double().numpy().ravel() for value in (of.mean, of.scale))
    return Gaussians(means, scales)


def _units(count: int) -> Gaussians:
    return Gaussians(np.zeros(count), np.ones(count))


def _tensor(values: Floats, like: Tensor) -> Tensor:
    return torch.from_numpy(values).to(like).reshape(like.shape)


def _check(latents: Tensor) -> None:
    wrong = int((~torch.isfinite(latents)).sum())
    if wrong:
        raise CodecError(
            f"latent: {wrong} of {latents.numel()} values are not finite; look for NaN in the "
            "weights, or train with a lower learning rate"
        )
