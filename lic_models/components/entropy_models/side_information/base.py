"""The seat of side information: what is sent of a latent beforehand, and told of its symbols."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from lic_models.components.entropy_coding.coders import EntropyCoder
from lic_models.components.entropy_coding.tables import FrequencyTables

CODING_DTYPE = torch.float64
"""What everything that chooses a table is computed in while coding."""

_GRID = 1024.0  # places between two whole numbers that a mean is snapped to


def snapped(means: Tensor) -> Tensor:
    """Means on a grid, so that what another machine computes in the last digits is the same."""
    return torch.round(means * _GRID) / _GRID


def computed_in(dtype: torch.dtype, module: nn.Module, *inputs: Tensor) -> Tensor:
    """What a module makes of inputs with these and its parameters in another type."""
    parameters = {name: value.to(dtype) for name, value in module.named_parameters()}
    computed: Tensor = torch.func.functional_call(
        module, parameters, tuple(value.to(dtype) for value in inputs)
    )
    return computed


class SideInformation(nn.Module, ABC):
    """Base of the kinds of side information.

    All kinds tell the same: *features*, (B, 2M, h, w), a mean and then the logarithm of a scale for
    each symbol, in units of its channel. Latents come in these units too.

    Attributes:
        strings: how many strings a latent's side information is coded as.
        tables: the entropy coder's, by the name of what they code.
    """

    strings: ClassVar[int]

    def __init__(self) -> None:
        super().__init__()
        self.tables: dict[str, FrequencyTables] = {}

    @abstractmethod
    def build(self, channels: int) -> None:
        """Make the parameters for M channels."""

    @abstractmethod
    def forward(self, latents: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Features of latents (B, M, h, w), and the likelihoods of what is sent, by its name."""

    @abstractmethod
    def compress(self, latents: Tensor, coder: EntropyCoder) -> tuple[list[bytes], Tensor]:
        """The strings of one image's latents (M, h, w); features (1, 2M, h, w) in float64.

        Raises:
            CodecError: latents that are not finite, or no tables yet.
        """

    @abstractmethod
    def decompress(
        self, strings: Sequence[bytes], size: tuple[int, int], coder: EntropyCoder
    ) -> Tensor:
        """The features that `compress` gave, of a latent of size (h, w).

        Raises:
            CorruptBitstreamError: strings that are noticed to be no side information of it.
            CodecError: no tables yet.
        """

    @abstractmethod
    def update(self) -> None:
        """Make the tables anew; CodecError where parameters are not finite."""

    @abstractmethod
    def table_counts(self) -> dict[str, int]:
        """How many tables there have to be, by the name of what they code."""

    def load_tables(self, tables: dict[str, FrequencyTables]) -> None:
        """Take tables that came with the weights, of the names and numbers of `table_counts`."""
        self.tables = tables

    def adopted(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """What a hyperprior's weights, by their names, give this kind to begin with: nothing."""
        return {}

    def fit(self, latents: Tensor) -> None:
        """Start from distributions as wide as what latents (B, M, h, w) lead to."""

    def auxiliary_loss(self) -> Tensor:
        """How far the quantiles are off; 0 where there are none."""
        return torch.zeros(())
