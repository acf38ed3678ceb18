"""The seat of contexts: what the symbols that are decoded already tell of the next ones.

A context is a schedule, which position is decoded in which pass, and a predictor of a pass from
all passes before it. What it predicts are corrections to what side information tells.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Protocol

import torch
from torch import Tensor, nn


class Predictor(Protocol):
    """Predicts the passes of a latent, one after the other."""

    def predict(self, number: int, decoded: Tensor) -> Tensor:
        """Corrections for the positions of a pass.

        Args:
            number: of the pass, from 0.
            decoded: (B, M, h, w); what is not of an earlier pass has no influence.

        Returns:
            (B, P, n), positions as `Context.schedule` has them, in the order of (M, h, w).
        """
        ...


class Context(nn.Module, ABC):
    """Base of the contexts.

    Latents and features come in units of their channels, and so are corrected shifts.

    Attributes:
        predicts_residuals: whether `residual` is more than None.
    """

    predicts_residuals = False

    @abstractmethod
    def build(self, channels: int, start: list[float]) -> None:
        """Make the parameters.

        Args:
            channels: M.
            start: the P corrections that an untrained context predicts everywhere.

        Raises:
            UsageError: M channels do not fit it.
        """

    @abstractmethod
    def schedule(self, height: int, width: int) -> Tensor:
        """The pass of each position, int64 (M, h, w), from 0."""

    @abstractmethod
    def passes(self, height: int, width: int) -> int:
        """How many passes there are; one may be empty in a small latent."""

    @abstractmethod
    def predictor(self, features: Tensor) -> Predictor:
        """Predicts a latent of side information's features (B, 2M, h, w)."""

    @abstractmethod
    def forward(self, latents: Tensor, features: Tensor) -> Tensor:
        """Corrections (B, P, M, h, w) for all passes at once, where all is known.

        Args:
            latents: (B, M, h, w), as they will have been decoded.
            features: (B, 2M, h, w), of side information.
        """

    def residual(self, latents: Tensor, features: Tensor) -> Tensor | None:
        """What to add to latents in place of what rounding took; None of a kind that can't tell.

        The synthesis gets it added to the latents. Predictions of passes do not see it, and no
        table hangs on it.

        Args:
            latents: (B, M, h, w), all of them decoded.
            features: (B, 2M, h, w), of side information.

        Returns:
            (B, M, h, w), not in units of channels but in quantisation steps.
        """
        return None


def positions(schedule: Tensor, passes: int) -> list[Tensor]:
    """The positions of each pass, int64 places in the flattened (M, h, w), ascending."""
    flat = schedule.reshape(-1)
    order = torch.argsort(flat, stable=True)
    return list(order.split(torch.bincount(flat, minlength=passes).tolist()))
