"""Convolutions of a transform with a condition on what they give, which depends on the level."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor, nn

from lic_models.components.rate_control.base import RateControl
from lic_models.components.rate_control.gains import D_TO_STEP
from lic_models.components.transforms.base import Transform
from pytest_lic.errors import UsageError


class ConditionedConvolution(nn.Conv2d):
    """A convolution, whose weights keep their names, and a condition on what it gives."""

    condition: nn.Module

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, h, w) → (B, C', h', w')."""
        made: Tensor = self.condition(super().forward(features))
        return made


class ConditionedTransposedConvolution(nn.ConvTranspose2d):
    """A transposed convolution, and a condition on what it gives."""

    condition: nn.Module

    def forward(self, features: Tensor, output_size: list[int] | None = None) -> Tensor:
        """(B, C, h, w) → (B, C', h', w')."""
        made: Tensor = self.condition(super().forward(features, output_size))
        return made


class ConditioningRateControl(RateControl):
    """Base of the kinds that put a condition after each convolution of a transform's sides.

    Convolutions within blocks, as those of attention, have none.

    Conditions begin by changing nothing, so that training may go on from the weights of a network
    without rate control. Latents are rounded in steps that λ has, of λ^(−1/2) and 1 at the highest
    anchor, which leaves less for the conditions to learn.
    """

    def build(self, transform: Transform) -> None:
        """Put the conditions where the convolutions between an image and its latent stand.

        Raises:
            UsageError: a transform without convolutions in a row, on either side.
        """
        for side in (transform.analysis, transform.synthesis):
            convolutions = {
                name: layer
                for name, layer in side.named_children()
                if type(layer) is nn.Conv2d or type(layer) is nn.ConvTranspose2d
            }
            if not convolutions:
                raise UsageError(
                    f"{type(self).__name__}: {type(transform).__name__} has no convolutions in a "
                    "row to be conditioned; take gain units, or another transform"
                )
            for name, layer in convolutions.items():
                setattr(side, name, self._conditioned(layer))

    def scaled(self, latents: Tensor) -> Tensor:
        """Latents (B, M, h, w) in the steps of their levels."""
        return latents / self._steps()

    def restored(self, values: Tensor) -> Tensor:
        """Values (B, M, h, w), steps back in the units of the latents."""
        return values * self._steps()

    def _steps(self) -> Tensor:
        logs = torch.tensor(self.lambdas, device=self.levels.now.device).log()
        return placed((D_TO_STEP * (logs[-1] - self.between(logs))).exp())

    @abstractmethod
    def condition(self, channels: int) -> nn.Module:
        """What is to follow a convolution of C outputs; takes and returns (B, C, h, w)."""

    def _conditioned(self, layer: nn.Conv2d | nn.ConvTranspose2d) -> nn.Module:
        made: ConditionedConvolution | ConditionedTransposedConvolution
        plain = (layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride)
        if isinstance(layer, nn.Conv2d):
            made = ConditionedConvolution(*plain, layer.padding)  # type: ignore[arg-type]
        else:
            made = ConditionedTransposedConvolution(*plain, layer.padding, layer.output_padding)  # type: ignore[arg-type]
        made.weight, made.bias = layer.weight, layer.bias
        made.condition = self.condition(layer.out_channels)
        return made


def placed(values: Tensor) -> Tensor:
    """Of levels (B,), or of a map (B, 1, h, w) as they are: (B, 1, 1, 1)."""
    return values if values.ndim == 4 else values[:, None, None, None]
