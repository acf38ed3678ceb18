"""Latents multiplied by a gain of each channel before they are rounded, and restored after."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lic_models.components.rate_control.base import RateControl
from lic_models.components.transforms.base import Transform

D_TO_STEP = 0.5  # distortion grows with the square of a step, so the best step as λ^(−1/2)


class BottleneckScaling(RateControl):
    """One scale a channel and λ, the same on both ways: what is rounded is finer or coarser.

    Theis, Shi, Cunningham and Huszár, "Lossy image compression with compressive autoencoders", ICLR
    2017, https://arxiv.org/abs/1703.00395, where the scales are fine-tuned and the network they
    belong to stays as it is (``model.trained: rate_control``). They begin as λ has it: a step of
    λ^(−1/2), and 1 at the highest anchor.

    Args:
        lambdas: λ of each anchor, rising.

    Raises:
        UsageError: as `RateControl`.
    """

    def build(self, transform: Transform) -> None:
        """Make the scales, logarithms of (K, M)."""
        self.log_gains = nn.Parameter(self._start(transform.latent_channels))

    def scaled(self, latents: Tensor) -> Tensor:
        """Latents (B, M, h, w) in the steps of their level."""
        return latents * self._gain(self.log_gains)

    def restored(self, values: Tensor) -> Tensor:
        """Values (B, M, h, w) of a level in the steps of the synthesis."""
        return values / self._gain(self.log_gains)

    def _start(self, channels: int) -> Tensor:
        logs = torch.tensor(self.lambdas).log()
        return (D_TO_STEP * (logs - logs[-1]))[:, None].repeat(1, channels)

    def _gain(self, logs: Tensor) -> Tensor:
        return self.between(logs).exp()[:, :, None, None]


class GainUnits(BottleneckScaling):
    """A gain and an inverse gain for each channel and λ, trained with the network.

    Cui, Wang, Gao, Guo, Feng and Bai, "Asymmetric gained deep image compression with continuous
    rate adaptation", CVPR 2021, https://arxiv.org/abs/2003.02012. Between two anchors gains are
    interpolated exponentially, which gives any rate between.

    Args:
        lambdas: λ of each anchor, rising.

    Raises:
        UsageError: as `RateControl`.
    """

    def build(self, transform: Transform) -> None:
        """Make gains and inverse gains, logarithms of (K, M) each."""
        super().build(transform)
        self.log_inverse_gains = nn.Parameter(-self._start(transform.latent_channels))

    def restored(self, values: Tensor) -> Tensor:
        """Values (B, M, h, w), multiplied by the inverse gain of their level."""
        return values * self._gain(self.log_inverse_gains)
