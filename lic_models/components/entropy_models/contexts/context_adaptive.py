"""Raster order, with what side information tells around a position beside what is decoded near it.

    side information ─ 1 × 1 ─► window around it ──────┐  bit-consuming
    decoded latents ──────────► window above and left ─┴─► 1 × 1 ─► 1 × 1   bit-free

The first was paid for with bits of its own, the second comes with the latent. The layers that join
them are the same for all positions.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lic_models.components.entropy_models.contexts.base import Context, Predictor
from lic_models.components.entropy_models.contexts.estimator import Estimator
from lic_models.components.entropy_models.contexts.patterns import Raster
from pytest_lic.errors import UsageError


class ContextAdaptiveContext(Context):
    """Each position is estimated of two windows, one of side information and one of the latent.

    Lee, Cho and Beack, "Context-adaptive entropy model for end-to-end optimized image compression",
    ICLR 2019, https://arxiv.org/abs/1809.10452. Unlike `AutoregressiveContext` it sees the side
    information of its neighbours too. Decoding takes h · w passes.

    Args:
        hidden: channels of the layers between.
        window: side of both windows. That of side information is around a position; that of the
            latent ends at its row, and is cut off before it.

    Raises:
        UsageError: values out of range.
    """

    def __init__(self, hidden: int = 64, window: int = 4) -> None:
        super().__init__()
        if hidden < 1 or window < 2:
            raise UsageError(
                f"hidden: {hidden}, window: {window}; expected at least 1, and at least 2"
            )
        self.hidden, self.window = hidden, window

    def build(self, channels: int, start: list[float]) -> None:
        """Make the parameters; see `Context.build`."""
        self.channels = channels
        self.from_features = nn.Sequential(nn.Conv2d(2 * channels, self.hidden, 1), nn.LeakyReLU())
        self.bit_consuming = nn.Conv2d(self.hidden, self.hidden, self.window)
        self.bit_free = nn.Conv2d(channels, self.hidden, self.window, bias=False)
        self.estimator = Estimator(self.hidden, channels, start)

    def schedule(self, height: int, width: int) -> Tensor:
        """The pass of each position, int64 (M, h, w): row by row, from left to right."""
        return Raster().stages(height, width).expand(self.channels, height, width)

    def passes(self, height: int, width: int) -> int:
        """As many as there are positions."""
        return Raster().count(height, width)

    def predictor(self, features: Tensor) -> Predictor:
        """Predicts pass by pass; see `Context.predictor`."""
        return _AdaptivePredictor(self, features)

    def forward(self, latents: Tensor, features: Tensor) -> Tensor:
        """Corrections (B, P, M, h, w) for all passes at once."""
        near = F.pad(latents, self.margins())
        told = self.consumed(features) + F.conv2d(near, self.seen())
        corrections: Tensor = self.estimator(told)
        return corrections

    def consumed(self, features: Tensor) -> Tensor:
        """What side information around each position tells, (B, hidden, h, w)."""
        left, right, *_ = self.margins()
        around = F.pad(self.from_features(features), [left, right, left, right])
        told: Tensor = self.bit_consuming(around)
        return told

    def seen(self) -> Tensor:
        """The kernel over decoded latents, 0 from the position itself on."""
        weight, side = self.bit_free.weight, self.window
        places = torch.arange(side * side, device=weight.device).reshape(side, side)
        return weight * (places < side * (side - 1) + side // 2)

    def margins(self) -> list[int]:
        """How far the window of the latent reaches left, right, up and down."""
        return [self.window // 2, (self.window - 1) // 2, self.window - 1, 0]


class _AdaptivePredictor:
    def __init__(self, context: ContextAdaptiveContext, features: Tensor) -> None:
        self._context, self._kernel = context, context.seen()
        self._consumed = context.consumed(features)

    def predict(self, number: int, decoded: Tensor) -> Tensor:
        row, column = divmod(number, decoded.size(-1))
        left, right, above, _ = self._context.margins()
        first = column - left
        near = decoded[:, :, max(0, row - above) : row + 1, max(0, first) : column + right + 1]
        kernel = self._kernel[:, :, -near.size(2) :, max(0, -first) :][..., : near.size(3)]
        told = self._consumed[:, :, row, column, None] + F.conv2d(near, kernel)[..., 0]
        return self._context.estimator.at(told)
