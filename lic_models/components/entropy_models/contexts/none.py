"""No context: all symbols are decoded at once, from side information alone."""

from __future__ import annotations

import torch
from torch import Tensor

from lic_models.components.entropy_models.contexts.base import Predictor
from lic_models.components.entropy_models.contexts.grouped import GroupedContext
from lic_models.components.entropy_models.contexts.patterns import WHOLE, Pattern


class NoContext(GroupedContext):
    """Corrects nothing of a single distribution; a mixture's parameters come of the features.

    Args:
        hidden: channels of the layers between features and a mixture's parameters.
    """

    def __init__(self, hidden: int = 64) -> None:
        super().__init__(hidden)

    def _sizes(self, channels: int) -> list[int]:
        return [channels]

    def _pattern(self, group: int) -> Pattern:
        return WHOLE

    def build(self, channels: int, start: list[float]) -> None:
        """Make the parameters, of which a single distribution needs none."""
        super().build(channels, start)
        self._corrects = len(start) > 2
        if not self._corrects:
            self.parts = torch.nn.ModuleList()

    def forward(self, latents: Tensor, features: Tensor) -> Tensor:
        """Corrections (B, P, M, h, w): zeros for a single distribution."""
        if self._corrects:
            return super().forward(latents, features)
        return features.new_zeros(len(latents), 2, *latents.shape[1:])

    def predictor(self, features: Tensor) -> Predictor:
        """Predicts the one pass."""
        return super().predictor(features) if self._corrects else _Nothing(features)


class _Nothing:
    def __init__(self, features: Tensor) -> None:
        self._features = features

    def predict(self, number: int, decoded: Tensor) -> Tensor:
        batch, channels, height, width = self._features.shape
        return self._features.new_zeros(batch, 2, channels // 2 * height * width)
