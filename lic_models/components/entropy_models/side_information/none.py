"""No side information: each channel's mean and scale are learned, and the same everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from lic_models.components.entropy_coding.coders import EntropyCoder
from lic_models.components.entropy_models.side_information.base import (
    CODING_DTYPE,
    SideInformation,
)


class NoInformation(SideInformation):
    """Sends nothing."""

    strings: ClassVar[int] = 0

    def build(self, channels: int) -> None:
        """Make the parameters for M channels."""
        self.constants = nn.Parameter(torch.zeros(2 * channels, 1, 1))

    def forward(self, latents: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Features (B, 2M, h, w), and no likelihoods."""
        return self._everywhere(self.constants, (latents.size(0), *latents.shape[-2:])), {}

    def compress(self, latents: Tensor, coder: EntropyCoder) -> tuple[list[bytes], Tensor]:
        """No strings, and the features (1, 2M, h, w)."""
        return [], self.decompress([], (latents.size(-2), latents.size(-1)), coder)

    def decompress(
        self, strings: Sequence[bytes], size: tuple[int, int], coder: EntropyCoder
    ) -> Tensor:
        """The features (1, 2M, h, w)."""
        return self._everywhere(self.constants.to(CODING_DTYPE), (1, *size))

    def update(self) -> None:
        """There are no tables."""

    def table_counts(self) -> dict[str, int]:
        """None."""
        return {}

    @staticmethod
    def _everywhere(constants: Tensor, shape: tuple[int, int, int]) -> Tensor:
        batch, height, width = shape
        return constants.expand(batch, -1, height, width)
