"""The seat of rate control: how one network serves a range of rates.

A *level* is a real number from 0 to K − 1, the place among K anchors λ₀ < … < λ_{K−1}. Between two
anchors λ is interpolated exponentially, and so is whatever has a value at each of them.

image ─► analysis ─► scaled ─► latent coding ─► restored ─► synthesis ─► image
             ▲         ▲                           ▲           ▲
             └─────────┴────────── level ──────────┴───────────┘
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

import torch
from torch import Tensor, nn

from lic_models.components.transforms.base import Transform
from pytest_lic.errors import UsageError


class CurrentLevels:
    """The levels of the block that runs, one object for a rate control and its layers."""

    def __init__(self) -> None:
        self._now: Tensor | None = None

    @property
    def now(self) -> Tensor:
        """The levels (B,), or one for all (1,)."""
        assert self._now is not None, "outside of a block of levels"
        return self._now

    @contextmanager
    def at(self, levels: Tensor) -> Iterator[None]:
        """Within the block these are the levels."""
        before, self._now = self._now, levels
        try:
            yield
        finally:
            self._now = before


class RateControl(nn.Module):
    """Base of the kinds of rate control, and what all of them know: the anchors and a level.

    Args:
        lambdas: λ of each anchor, rising.

    Raises:
        UsageError: fewer than two anchors, or λ that do not rise from above 0.
    """

    one_at_a_time = False
    """Whether all images of a batch are at one level, and each step of training runs every one."""
    carries_map = False
    """Whether bitstreams tell the levels of regions, in a first string."""

    def __init__(self, lambdas: Sequence[float]) -> None:
        super().__init__()
        self.lambdas = tuple(float(value) for value in lambdas)
        rising = all(low < high for low, high in zip(self.lambdas, self.lambdas[1:], strict=False))
        finite = all(0.0 < value < math.inf for value in self.lambdas)
        if len(self.lambdas) < 2 or not (rising and finite):
            raise UsageError(
                f"lambdas: {list(lambdas)}; expected at least two positive numbers that rise"
            )
        self.levels = CurrentLevels()

    @property
    def highest(self) -> float:
        """The highest level, K − 1; the lowest is 0."""
        return float(len(self.lambdas) - 1)

    def build(self, transform: Transform) -> None:
        """Make the parameters, once the transform is known; may put layers into it.

        Raises:
            UsageError: a transform that this kind can't control.
        """

    def join(self, codec: nn.Module) -> None:
        """Be told the whole codec, once it is put together.

        Raises:
            UsageError: one that this kind can't control.
        """

    def lmbda(self, levels: Tensor) -> Tensor:
        """λ at levels (B,), or at those of a map (B, 1, h, w), in the same shape."""
        return _interpolated(torch.tensor(self.lambdas).log().to(levels), levels).exp()

    def check_level(self, level: float) -> float:
        """The level itself, if it is one.

        Raises:
            UsageError: one that is out of the range, or no number.
        """
        if not 0.0 <= level <= self.highest:
            raise UsageError(
                f"level: {level:g}; expected from 0 to {self.highest:g}, λ from "
                f"{self.lambdas[0]:g} to {self.lambdas[-1]:g}"
            )
        return float(level)

    def drawn(self, count: int, size: tuple[int, int], device: torch.device) -> Tensor:
        """Levels to train so many images at, whose latents are of size (h, w): (B,)."""
        return self.highest * torch.rand(count, device=device)

    def map_strings(self, quality_map: Tensor | None, images: Tensor) -> list[bytes]:
        """What tells the decoder the map of each image: B strings, or none if it is told nothing.

        Args:
            quality_map: (B, 1, H, W), levels to add to the images' own; or None.
            images: (B, 3, H, W).

        Raises:
            UsageError: a map of another size, out of the range, or which this kind does not take.
        """
        if quality_map is not None:
            raise UsageError(f"quality_map: {type(self).__name__} takes none; give a level alone")
        return []

    def spread(
        self, levels: Tensor, size: tuple[int, int], told: Sequence[bytes] | None = None
    ) -> Tensor:
        """Levels as `at` takes them, of images whose latents are of size (h, w).

        Args:
            levels: (B,), or of one for all (1,).
            size: of the latents.
            told: what `map_strings` made of each image, in which case it is followed.

        Raises:
            CorruptBitstreamError: strings that tell nothing.
        """
        return levels

    def at(self, levels: Tensor) -> AbstractContextManager[None]:
        """Within the block, images and latents are those of levels (B,), or of one for all (1,)."""
        return self.levels.at(levels)

    def scaled(self, latents: Tensor) -> Tensor:
        """Latents (B, M, h, w) of the analysis, as they are coded."""
        return latents

    def restored(self, values: Tensor) -> Tensor:
        """Decoded values (B, M, h, w), as the synthesis gets them."""
        return values

    def between(self, anchors: Tensor) -> Tensor:
        """What has values (K, …) at the anchors, at the levels of the block: (B, …)."""
        return _interpolated(anchors, self.levels.now.to(anchors.device))


class NoRateControl(RateControl):
    """One network for one λ, as most are trained."""

    def __init__(self) -> None:
        nn.Module.__init__(self)
        self.lambdas = ()
        self.levels = CurrentLevels()

    @property
    def highest(self) -> float:
        """There is one level alone, 0."""
        return 0.0

    def check_level(self, level: float) -> float:
        """Refuse any level but 0.

        Raises:
            UsageError: such a one.
        """
        if level:
            raise UsageError(f"level: {level:g}; this network has no rate control, so one rate")
        return 0.0


def _interpolated(anchors: Tensor, levels: Tensor) -> Tensor:
    """Linearly between the values (K, …) of the anchors, at levels (B,) from 0 to K − 1."""
    lower = levels.floor().clamp(max=len(anchors) - 2).long()
    part = (levels - lower).to(anchors.dtype)[(..., *[None] * (anchors.ndim - 1))]
    return torch.lerp(anchors[lower], anchors[lower + 1], part)
