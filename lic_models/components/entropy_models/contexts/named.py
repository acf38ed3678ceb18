"""The contexts of groups and patterns, by name."""

from __future__ import annotations

import math
from itertools import pairwise

from torch import Tensor

from lic_models.components.entropy_models.contexts.grouped import GroupedContext
from lic_models.components.entropy_models.contexts.patterns import (
    CHECKERBOARD,
    MULTISTAGE_2,
    MULTISTAGE_4,
    WHOLE,
    Pattern,
    Raster,
)
from lic_models.components.entropy_models.contexts.residual_prediction import ResidualPrediction
from pytest_lic.errors import UsageError


class _OneGroup(GroupedContext):
    def _sizes(self, channels: int) -> list[int]:
        return [channels]


class AutoregressiveContext(_OneGroup):
    """Each position sees the rows above it and what is to its left.

    Minnen, Ballé and Toderici, "Joint autoregressive and hierarchical priors for learned image
    compression", NeurIPS 2018, https://arxiv.org/abs/1809.02736. Decoding takes h · w passes.
    """

    def _pattern(self, group: int) -> Pattern:
        return Raster()


class CheckerboardContext(_OneGroup):
    """Every second position sees its neighbours; two passes.

    He, Zheng, Sun, Wang and Qin, "Checkerboard context model for efficient learned image
    compression", CVPR 2021, https://arxiv.org/abs/2103.15306.
    """

    def _pattern(self, group: int) -> Pattern:
        return CHECKERBOARD


class MultistageContext(_OneGroup):
    """Squares of positions, decoded in four or sixteen passes.

    Lin, Sun and Katto, "Multistage spatial context models for learned image compression", ICASSP
    2023, https://arxiv.org/abs/2302.09263.

    Args:
        side: of the squares: 2 or 4.
        hidden: channels of the layers between.
        kernel_size: side of the neighbourhood, odd.

    Raises:
        UsageError: squares of another side.
    """

    def __init__(self, side: int = 4, hidden: int = 64, kernel_size: int = 5) -> None:
        if side not in (2, 4):
            raise UsageError(f"side: {side}; expected 2 or 4")
        super().__init__(hidden, kernel_size)
        self.side = side

    def _pattern(self, group: int) -> Pattern:
        return MULTISTAGE_2 if self.side == 2 else MULTISTAGE_4


class ChannelwiseContext(GroupedContext):
    """Slices of channels, each of which sees the slices before it.

    Minnen and Singh, "Channel-wise autoregressive entropy models for learned image compression",
    ICIP 2020, https://arxiv.org/abs/2007.08739.

    Args:
        slices: how many, of as many channels as can be.
        hidden: channels of the layers between.
        residual_prediction: what rounding took from the latents is predicted for the synthesis;
            see `ResidualPrediction`.

    Raises:
        UsageError: no slices.
    """

    def __init__(
        self, slices: int = 10, hidden: int = 64, residual_prediction: bool = False
    ) -> None:
        if slices < 1:
            raise UsageError(f"slices: {slices}; expected at least 1")
        super().__init__(hidden)
        self.slices = slices
        self.predicts_residuals = residual_prediction

    def build(self, channels: int, start: list[float]) -> None:
        """Make the parameters; see `Context.build`."""
        super().build(channels, start)
        if self.predicts_residuals:
            # A guess within a cell takes less than the cell's distribution does.
            self.refinement = ResidualPrediction(channels, self.groups, -(-self.hidden // 2))

    def residual(self, latents: Tensor, features: Tensor) -> Tensor | None:
        """What to add to latents (B, M, h, w), if asked for; see `Context.residual`."""
        if not self.predicts_residuals:
            return None
        predicted: Tensor = self.refinement(latents, features)
        return predicted

    def _sizes(self, channels: int) -> list[int]:
        edges = [channels * number // self.slices for number in range(self.slices + 1)]
        return [after - before for before, after in pairwise(edges)]

    def _pattern(self, group: int) -> Pattern:
        return WHOLE


class UnevenGroupsContext(GroupedContext):
    """Groups of more and more channels, each decoded as a checkerboard.

    He, Yang, Peng, Ma, Qin and Wang, "ELIC: efficient learned image compression with unevenly
    grouped space-channel contextual adaptive coding", CVPR 2022,
    https://arxiv.org/abs/2203.10886.

    Args:
        sizes: of the first groups; what is left is the last one.
        hidden: channels of the layers between.
        kernel_size: side of the neighbourhood, odd.
    """

    def __init__(
        self, sizes: tuple[int, ...] = (16, 16, 32, 64), hidden: int = 64, kernel_size: int = 5
    ) -> None:
        super().__init__(hidden, kernel_size)
        self.sizes = tuple(sizes)

    def _sizes(self, channels: int) -> list[int]:
        rest = channels - sum(self.sizes)
        return [*self.sizes, rest] if rest else list(self.sizes)

    def _pattern(self, group: int) -> Pattern:
        return CHECKERBOARD


class CosineSlicesContext(GroupedContext):
    """Slices that grow as a cosine falls, the first ones decoded in more stages than the last.

    Lu and Ma, "High-efficiency lossy image coding through adaptive neighborhood
    information aggregation" (TinyLIC), 2022, https://arxiv.org/abs/2204.11448.

    Args:
        slices: how many.
        hidden: channels of the layers between.
        kernel_size: side of the neighbourhood, odd.

    Raises:
        UsageError: no slices.
    """

    def __init__(self, slices: int = 5, hidden: int = 64, kernel_size: int = 5) -> None:
        if slices < 1:
            raise UsageError(f"slices: {slices}; expected at least 1")
        super().__init__(hidden, kernel_size)
        self.slices = slices

    def _sizes(self, channels: int) -> list[int]:
        edges = [
            round(channels * (1 - math.cos(math.pi / 2 * number / self.slices)))
            for number in range(self.slices + 1)
        ]
        return [after - before for before, after in pairwise(edges)]

    def _pattern(self, group: int) -> Pattern:
        return (MULTISTAGE_4, MULTISTAGE_2, CHECKERBOARD)[min(group, 2)]
