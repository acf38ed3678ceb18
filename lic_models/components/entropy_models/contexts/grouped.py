"""Contexts of channels and space: groups of channels, and within each a pattern of positions.

    decoded groups ──── 3 × 3 ───┐
    this group's stages ─ 5 × 5 ─┤
    side information ─── 1 × 1 ──┴─► 1 × 1 ─► 1 × 1 ─► corrections of the pass

One group in raster order is the autoregressive context, two stages are the checkerboard, ten groups
of one stage each are channel-wise, and so on.
"""

from __future__ import annotations

from abc import abstractmethod
from itertools import accumulate

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lic_models.components.entropy_models.contexts.base import Context, Predictor
from lic_models.components.entropy_models.contexts.estimator import Estimator
from lic_models.components.entropy_models.contexts.patterns import Pattern, Periodic, Raster
from pytest_lic.errors import UsageError


class GroupedContext(Context):
    """Base of the contexts that are groups of channels and a pattern of stages.

    Args:
        hidden: channels of the layers between.
        kernel_size: side of the neighbourhood within a group, odd.

    Raises:
        UsageError: values out of range.
    """

    def __init__(self, hidden: int = 64, kernel_size: int = 5) -> None:
        super().__init__()
        if hidden < 1 or kernel_size < 3 or kernel_size % 2 == 0:
            raise UsageError(
                f"hidden: {hidden}, kernel_size: {kernel_size}; expected at least 1, and an odd "
                "number from 3 on"
            )
        self.hidden = hidden
        self.kernel_size = kernel_size
        self.groups: list[int] = []
        self._patterns: list[Pattern] = []

    @abstractmethod
    def _sizes(self, channels: int) -> list[int]:
        """How many channels each group has; UsageError where they can't be M together."""

    @abstractmethod
    def _pattern(self, group: int) -> Pattern:
        """The order of positions within a group."""

    def build(self, channels: int, start: list[float]) -> None:
        """Make the parameters; see `Context.build`."""
        self.groups = self._sizes(channels)
        if sum(self.groups) != channels or min(self.groups) < 1:
            told = ", ".join(map(str, self.groups[:8])) + (", ..." if len(self.groups) > 8 else "")
            raise UsageError(
                f"context: {len(self.groups)} groups of {told} channels; expected {channels} "
                "together, and at least 1 each"
            )
        self._patterns = [self._pattern(group) for group in range(len(self.groups))]
        self.parts = nn.ModuleList(
            _Group(channels, first, size, pattern, start, self.hidden, self.kernel_size)
            for first, size, pattern in zip(
                accumulate(self.groups, initial=0), self.groups, self._patterns, strict=False
            )
        )

    def schedule(self, height: int, width: int) -> Tensor:
        """The pass of each position, int64 (M, h, w): group by group, and stage by stage."""
        before, parts = 0, []
        for size, pattern in zip(self.groups, self._patterns, strict=True):
            parts.append((before + pattern.stages(height, width)).expand(size, height, width))
            before += pattern.count(height, width)
        return torch.cat(parts)

    def passes(self, height: int, width: int) -> int:
        """The stages of all groups."""
        return sum(pattern.count(height, width) for pattern in self._patterns)

    def predictor(self, features: Tensor) -> Predictor:
        """Predicts pass by pass; see `Context.predictor`."""
        return _GroupedPredictor(self.parts, features)

    def forward(self, latents: Tensor, features: Tensor) -> Tensor:
        """Corrections (B, P, M, h, w) for all passes at once."""
        return torch.cat([part.everywhere(latents, features) for part in self.parts], 2)


class _Group(nn.Module):
    """One group's networks."""

    def __init__(
        self,
        channels: int,
        first: int,
        size: int,
        pattern: Pattern,
        start: list[float],
        hidden: int,
        kernel_size: int,
    ) -> None:
        super().__init__()
        self.first, self.size, self.pattern = first, size, pattern
        self.from_features = nn.Conv2d(2 * channels, hidden, 1)
        self.from_channels = nn.Conv2d(first, hidden, 3, padding=1, bias=False) if first else None
        self.alone = isinstance(pattern, Periodic) and pattern.count(1, 1) == 1
        self.from_space = None if self.alone else nn.Conv2d(size, hidden, kernel_size, bias=False)
        staged = isinstance(pattern, Periodic) and not self.alone
        stages = pattern.count(1, 1) if staged else 1
        self.of_stage = nn.Parameter(torch.zeros(stages, hidden))
        self.join = Estimator(hidden, size, start)

    def known(self, latents: Tensor, features: Tensor) -> Tensor:
        """What side information and the groups before tell, (B, hidden, h, w)."""
        told: Tensor = self.from_features(features)
        if self.from_channels is not None:
            told = told + self.from_channels(latents[:, : self.first])
        return told

    def predict(self, stage: int, stages: Tensor, known: Tensor, latents: Tensor) -> Tensor:
        """Corrections (B, P, size · n) of the positions of a stage."""
        rows, columns = (stages == stage).nonzero(as_tuple=True)
        told = known[:, :, rows, columns]
        if self.from_space is not None:
            own = latents[:, self.first : self.first + self.size]
            if isinstance(self.pattern, Raster):
                told = told + self._before(own, rows, columns)
            elif stage:
                told = told + self._around(own, stage)[:, :, rows, columns]
            told = told + self.of_stage[min(stage, len(self.of_stage) - 1), :, None]
        return self.join.at(told)

    def everywhere(self, latents: Tensor, features: Tensor) -> Tensor:
        """Corrections (B, P, size, h, w)."""
        told = self.known(latents, features)
        if self.from_space is None:
            return self.join(told)
        own = latents[:, self.first : self.first + self.size]
        if isinstance(self.pattern, Raster):
            weight = self.from_space.weight * self._seen(self.from_space.weight)
            told = told + F.conv2d(own, weight, padding=weight.size(-1) // 2)
            return self.join(told + self.of_stage[0, :, None, None])
        stages = self.pattern.stages(latents.size(-2), latents.size(-1)).to(own.device)
        return self.join(told + self._around(own) + self.of_stage[stages].permute(2, 0, 1))

    def _around(self, own: Tensor, stage: int | None = None) -> Tensor:
        """The neighbourhood's share, (B, hidden, h, w); 0 at positions of other stages than this.

        Positions in one place of the pattern's square see the same part of the kernel: each has a
        convolution with the square's side as its stride.
        """
        assert self.from_space is not None
        assert isinstance(self.pattern, Periodic)
        square, weight = self.pattern.square, self.from_space.weight
        side, reach = len(square), torch.arange(weight.size(-1)) - weight.size(-1) // 2
        padded = F.pad(own, [weight.size(-1) // 2] * 4)
        around = own.new_zeros(len(own), len(weight), own.size(-2), own.size(-1))
        for row in range(min(side, own.size(-2))):
            for column in range(min(side, own.size(-1))):
                if stage is not None and int(square[row, column]) != stage:
                    continue
                near = square[(row + reach)[:, None] % side, (column + reach) % side]
                seen = near < square[row, column]
                if bool(seen.any()):
                    around[..., row::side, column::side] = F.conv2d(
                        padded[..., row:, column:], weight * seen.to(own.device), stride=side
                    )
        return around

    def _before(self, own: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        """The share (B, hidden, n) of what comes before each of n positions in raster order."""
        assert self.from_space is not None
        # What of the neighbourhood comes later is left out by the weights.
        weight = self.from_space.weight * self._seen(self.from_space.weight)
        side = weight.size(-1)
        reach = torch.arange(side, device=own.device)
        padded = F.pad(own, [side // 2] * 4)
        near = padded[
            :, :, (rows[:, None] + reach)[:, :, None], (columns[:, None] + reach)[:, None]
        ]
        return torch.einsum("bcnij,ocij->bon", near, weight)

    @staticmethod
    def _seen(weight: Tensor) -> Tensor:
        """1 where a kernel sees what comes earlier in raster order, 0 elsewhere."""
        side = weight.size(-1)
        places = torch.arange(side * side, device=weight.device).reshape(side, side)
        return (places < side * side // 2).to(weight.dtype)


class _GroupedPredictor:
    def __init__(self, parts: nn.ModuleList, features: Tensor) -> None:
        self._features = features
        size = (features.size(-2), features.size(-1))
        self._stages: list[tuple[_Group, int, Tensor]] = []
        for part in parts:
            assert isinstance(part, _Group)
            stages = part.pattern.stages(*size).to(features.device)
            count = part.pattern.count(*size)
            self._stages += [(part, stage, stages) for stage in range(count)]
        self._known: tuple[_Group, Tensor] | None = None

    def predict(self, number: int, decoded: Tensor) -> Tensor:
        part, stage, stages = self._stages[number]
        if self._known is None or self._known[0] is not part:
            self._known = part, part.known(decoded, self._features)
        return part.predict(stage, stages, self._known[1], decoded)
