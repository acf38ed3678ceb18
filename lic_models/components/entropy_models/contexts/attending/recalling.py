"""Contexts in raster order that recall what was decoded anywhere before, not only nearby.

    side information ─────────┐
    what is decoded near it ──┴─► told ──┬────────────────────┐
                                         └─ query ─┐          │
    keys and values of all positions before ───────┴─ recalled ┴─► 1 × 1 ─► 1 × 1 ─► corrections

Encoder and decoder recall by the same lines: the encoder some hundred positions at a time, the
decoder one, with keys and values of those before kept. Time grows with (h · w)².
"""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lic_models.components.entropy_models.contexts.base import Context, Predictor
from lic_models.components.entropy_models.contexts.patterns import Raster
from pytest_lic.errors import UsageError

_AT_ONCE = 512
"""How many positions the encoder recalls for at a time, so that memory grows with h · w alone."""


class RecallingContext(Context):
    """Base of the contexts that recall; a subclass says what, and how it is found.

    Memory has slots: slot 0 holds zeros, for a position that nothing can be recalled for, and slot
    j + 1 what is kept of position j. Position i sees the slots 0 to i.

    Args:
        hidden: channels of the layers between.
        kernel_size: side of the neighbourhood, odd.

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
        self.channels = 0
        self._order = Raster()

    @abstractmethod
    def _build_memory(self, channels: int) -> tuple[int, int]:
        """Make the parameters of recalling for M channels; the sizes K of keys and V of values."""

    @abstractmethod
    def _queries(self, told: Tensor, near: Tensor) -> Tensor:
        """What n positions ask for, (B, n, K), of what `_told` has of them and its `near`."""

    @abstractmethod
    def _keys(self, told: Tensor, near: Tensor) -> Tensor:
        """What n positions are found by later, (B, n, K), of the same."""

    @abstractmethod
    def _values(self, latents: Tensor, features: Tensor) -> Tensor:
        """What is kept of n positions once they are decoded, (B, n, V).

        Args:
            latents: (B, n, M).
            features: (B, n, 2M).
        """

    @abstractmethod
    def _recalled(self, queries: Tensor, keys: Tensor, values: Tensor, seen: Tensor) -> Tensor:
        """What n positions recall, (B, n, hidden).

        Args:
            queries: (B, n, K).
            keys: (B, s, K), of s slots.
            values: (B, s, V).
            seen: bool (n, s), which slots a position sees; slot 0 always.
        """

    def build(self, channels: int, start: list[float]) -> None:
        """Make the parameters; see `Context.build`."""
        self.channels = channels
        self.from_features = nn.Linear(2 * channels, self.hidden)
        self.from_space = nn.Linear(channels * (self.kernel_size**2 // 2), self.hidden, bias=False)
        last = nn.Linear(self.hidden, len(start) * channels)
        nn.init.zeros_(last.weight)
        with torch.no_grad():
            last.bias.copy_(torch.tensor(start).repeat_interleave(channels))
        self.join = nn.Sequential(
            nn.LeakyReLU(), nn.Linear(self.hidden, self.hidden), nn.LeakyReLU(), last
        )
        self.memory_sizes = self._build_memory(channels)

    def schedule(self, height: int, width: int) -> Tensor:
        """The pass of each position, int64 (M, h, w): row by row, all channels together."""
        return self._order.stages(height, width).expand(self.channels, height, width)

    def passes(self, height: int, width: int) -> int:
        """One for each place of the latent, h · w."""
        return self._order.count(height, width)

    def predictor(self, features: Tensor) -> Predictor:
        """Predicts position by position; see `Context.predictor`."""
        return _RecallingPredictor(self, features)

    def forward(self, latents: Tensor, features: Tensor) -> Tensor:
        """Corrections (B, P, M, h, w) for all positions at once."""
        reach, side = self.kernel_size // 2, self.kernel_size
        near = F.unfold(F.pad(latents, (reach, reach, reach, 0)), (reach + 1, side))
        near = self._earlier(near.unflatten(1, (self.channels, -1))).transpose(1, 2)
        own, features = (part.flatten(2).transpose(1, 2) for part in (latents, features))
        told = self._told(near, features)
        queries = self._queries(told, near)
        # The first slot's zeros go in front; what is kept of the last position is seen by none.
        keys = F.pad(self._keys(told, near), (0, 0, 1, -1))
        values = F.pad(self._values(own, features), (0, 0, 1, -1))
        recalled = []
        for first in range(0, queries.size(1), _AT_ONCE):
            asked = queries[:, first : first + _AT_ONCE]
            slots = first + asked.size(1)
            seen = torch.ones(asked.size(1), slots, dtype=torch.bool, device=asked.device)
            recalled.append(
                self._recalled(asked, keys[:, :slots], values[:, :slots], seen.tril(first))
            )
        return self._corrections(told + torch.cat(recalled, 1)).unflatten(-1, latents.shape[-2:])

    def _earlier(self, near: Tensor) -> Tensor:
        """(B, M · k² // 2, …) of the rows above and the own row of neighbourhoods, (B, M, …)."""
        return near[:, :, : self.kernel_size**2 // 2].flatten(1, 2)

    def _told(self, near: Tensor, features: Tensor) -> Tensor:
        """What side information and the neighbourhood tell of n positions, (B, n, hidden)."""
        told: Tensor = self.from_features(features) + self.from_space(near)
        return told

    def _corrections(self, told: Tensor) -> Tensor:
        """(B, P, M, n) of (B, n, hidden)."""
        joined: Tensor = self.join(told)
        return joined.transpose(1, 2).unflatten(1, (-1, self.channels))


class _RecallingPredictor:
    """One position after the other; of ``decoded`` it reads the position before, and keeps it."""

    def __init__(self, context: RecallingContext, features: Tensor) -> None:
        batch, _, height, self._width = features.shape
        self._context = context
        self._features = features.flatten(2).transpose(1, 2)
        reach, slots = context.kernel_size // 2, height * self._width + 1
        self._rows = features.new_zeros(
            batch, context.channels, height + reach, self._width + 2 * reach
        )
        self._keys, self._values = (
            features.new_zeros(batch, slots, size) for size in context.memory_sizes
        )

    def predict(self, number: int, decoded: Tensor) -> Tensor:
        context, features = self._context, self._features
        reach, side = context.kernel_size // 2, context.kernel_size
        if number:
            row, column = divmod(number - 1, self._width)
            before = decoded[:, :, row, column]
            self._rows[:, :, row + reach, column + reach] = before
            kept = context._values(before[:, None], features[:, number - 1 : number])
            self._values[:, number : number + 1] = kept
        row, column = divmod(number, self._width)
        around = self._rows[:, :, row : row + reach + 1, column : column + side]
        near = context._earlier(around.flatten(2))[:, None]
        told = context._told(near, features[:, number : number + 1])
        slots = number + 1
        seen = torch.ones(1, slots, dtype=torch.bool, device=told.device)
        recalled = context._recalled(
            context._queries(told, near), self._keys[:, :slots], self._values[:, :slots], seen
        )
        self._keys[:, slots : slots + 1] = context._keys(told, near)
        return context._corrections(told + recalled).flatten(2)
