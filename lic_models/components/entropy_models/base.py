"""The base of entropy models: latents are rated in training, and coded with tables."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from torch import Tensor, nn

from lic_models.components.entropy_coding.coders import EntropyCoder
from lic_models.components.entropy_coding.tables import FrequencyTables
from lic_models.components.quantizers import Quantizer
from pytest_lic.errors import CodecError, CorruptBitstreamError, UsageError, WeightsError


class Rated(NamedTuple):
    """A latent as the synthesis gets it, and what each of its symbols is likely to be.

    Attributes:
        values: (B, M, h, w).
        likelihoods: name → (B, C, h, w), in (0, 1]; the rate is the sum of −log2 over all of them.
    """

    values: Tensor
    likelihoods: dict[str, Tensor]


class EntropyModel(nn.Module, ABC):
    """Base of the entropy models.

    Attributes:
        latent_channels: M; None before `build`.
        tables: the entropy coder's, by the name of what they code; none before `update` or
            `load_tables`.
    """

    latent_channels: int | None

    def __init__(self) -> None:
        super().__init__()
        self.latent_channels = None
        self.tables: dict[str, FrequencyTables] = {}

    @property
    def refines(self) -> bool:
        """Whether values are more than what is coded, so that training needs the distortion."""
        return False

    @property
    def latent_tables(self) -> list[FrequencyTables]:
        """Those that latents are coded with, none yet before there are any."""
        return [tables for name, tables in self.tables.items() if name == "latents"]

    def build(self, latent_channels: int) -> None:
        """Make the parameters, once M is known.

        Raises:
            UsageError: M is not at least 1.
        """
        if latent_channels < 1:
            raise UsageError(f"latent_channels: {latent_channels}; expected at least 1")
        self.latent_channels = latent_channels
        self._make(latent_channels)

    def check_quantizer(self, quantizer: Quantizer) -> None:
        """Refuse a quantizer that this model can't code with.

        Raises:
            UsageError: such a one.
        """

    @abstractmethod
    def _make(self, channels: int) -> None:
        """Make the parameters for M channels."""

    @abstractmethod
    def forward(self, latents: Tensor, quantizer: Quantizer) -> Rated:
        """Latents (B, M, h, w), quantised and rated.

        In training mode by the quantizer's proxy. In evaluation mode as coding does it, but in
        the latents' type: a float32 latent that is nearer to its cell's edge than rounding tells
        can get into the neighbouring cell, since coding computes in float64.

        Raises:
            CodecError: in evaluation mode, latents or predictions that are not finite.
        """

    @abstractmethod
    def compress(self, latents: Tensor, quantizer: Quantizer, coder: EntropyCoder) -> list[bytes]:
        """One image's latent (M, h, w) as strings.

        Raises:
            CodecError: a latent that is not finite, or no tables yet.
        """

    @abstractmethod
    def decompress(
        self,
        strings: Sequence[bytes],
        size: tuple[int, int],
        quantizer: Quantizer,
        coder: EntropyCoder,
    ) -> Tensor:
        """The latent (M, h, w), float32, as the synthesis gets it, from its strings and (h, w).

        Raises:
            CorruptBitstreamError: strings that are noticed to be no code of such a latent; where
                that is not noticed, the latent is finite but wrong.
            CodecError: no tables yet.
        """

    @abstractmethod
    def update(self, quantizer: Quantizer) -> None:
        """Make the tables anew from the parameters.

        Raises:
            CodecError: parameters that are not finite.
        """

    @abstractmethod
    def table_counts(self, quantizer: Quantizer) -> dict[str, int]:
        """How many tables there have to be, by the name of what they code."""

    def load_tables(self, tables: Mapping[str, FrequencyTables], quantizer: Quantizer) -> None:
        """Take tables that came with the weights, so that every machine codes with the same.

        Raises:
            WeightsError: tables of other names or numbers than this model codes with.
        """
        self._check_tables(tables, quantizer)
        self.tables = dict(tables)

    def _check_tables(self, tables: Mapping[str, FrequencyTables], quantizer: Quantizer) -> None:
        counts = {name: table.count for name, table in tables.items()}
        expected = self.table_counts(quantizer)
        if counts != expected:
            raise WeightsError(
                f"found {_counted(counts)}; {type(self).__name__} with "
                f"{type(quantizer).__name__} codes with {_counted(expected)}"
            )

    def adopted(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Weights of an entropy model, those of another kind made this one's where they can be.

        Args:
            tensors: name within the entropy model → weights.
        """
        return dict(tensors)

    @abstractmethod
    def fit(self, latents: Tensor) -> None:
        """Start from distributions as wide as the channels of ``latents`` (B, M, h, w).

        Raises:
            UsageError: a single latent a channel, which has no width.
        """

    @abstractmethod
    def auxiliary_loss(self) -> Tensor:
        """How far the quantiles, which tell the tables' extent and the medians, are off."""

    def _table(self, name: str) -> FrequencyTables:
        if name not in self.tables:
            raise CodecError(
                f"{type(self).__name__}: no tables of {name}; make them with the codec's update(), "
                "or load exported weights"
            )
        return self.tables[name]


def check_strings(strings: Sequence[bytes], count: int) -> None:
    """Refuse another number of strings than a latent is coded as.

    Raises:
        CorruptBitstreamError: fewer or more.
    """
    if len(strings) != count:
        raise CorruptBitstreamError(f"{len(strings)} strings of a latent; expected {count}")


def channel_deviations(latents: Tensor) -> Tensor:
    """The standard deviation of each channel of (B, M, h, w): (M,).

    Raises:
        UsageError: a single latent a channel.
    """
    if latents.numel() <= latents.size(1):
        raise UsageError(
            f"fit: latents of shape {tuple(latents.shape)}; expected several a channel: give more "
            "or larger images"
        )
    return latents.std((0, 2, 3))


def _counted(tables: Mapping[str, int]) -> str:
    counts = ", ".join(f"{count} of {name}" for name, count in sorted(tables.items()))
    return f"tables: {counts}" if counts else "no tables"
