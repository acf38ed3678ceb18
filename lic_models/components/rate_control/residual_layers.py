"""A base and enhancement layers: the more of them are coded, the finer a latent is."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager

import torch
from torch import Tensor, nn

from lic_models.components.entropy_models.layered import THIRDS, LayeredHyperprior, NestedBins
from lic_models.components.rate_control.qvrf import QVRF, RegulatedBins
from pytest_lic.errors import UsageError


class ResidualLayers(QVRF):
    """A level is a number of layers, each coding what the ones below leave of a latent.

    Akbari, Liang, Han and Tu, "Learned variable-rate image compression with residual divisive
    normalization", ICME 2020, https://arxiv.org/abs/1912.05688, enhance a picture by a layer of
    its residual. Here the residual is the latent's, which one hyperprior tells of in all layers
    (`LayeredHyperprior`): bins are a third of those of the layer below, and one wide in the last.
    A stream holds that of each lower level, so a prefix of it is one. Training draws levels, as
    of any rate control, and takes them as whole ones.

    Args:
        lambdas: λ of each level, the base's first. Distortion grows with the square of a bin, so
            each about 9 times the one before.

    Raises:
        UsageError: as `RateControl`; when the codec is put together, an entropy model that has not
            as many layers.
    """

    def __init__(self, lambdas: Sequence[float]) -> None:
        last = len(lambdas) - 1
        widths = [float(THIRDS) ** (number - last) for number in range(len(lambdas))]
        super().__init__(lambdas, widths, learned=False)

    def join(self, codec: nn.Module) -> None:
        """Control the layers of the codec's entropy model.

        Raises:
            UsageError: one without layers, or with other than as many.
        """
        model = getattr(codec, "entropy_model", None)
        if not isinstance(model, LayeredHyperprior) or model.layers != len(self.lambdas):
            given = type(model).__name__
            if isinstance(model, LayeredHyperprior):
                given += f" of {model.layers}"
            raise UsageError(
                f"rate_control: ResidualLayers of {len(self.lambdas)} λ needs a LayeredHyperprior "
                f"of as many layers; given {given}"
            )
        model.bins = _LayerBins(self)

    def check_level(self, level: float) -> float:
        """The level, if it is a whole one.

        Raises:
            UsageError: it is not.
        """
        if level not in range(len(self.lambdas)):
            raise UsageError(
                f"level: {level:g}; expected a whole number from 0 to {self.highest:g}, the layers "
                "above the base: there is none between"
            )
        return float(level)

    def at(self, levels: Tensor) -> AbstractContextManager[None]:
        """Within the block, images and latents are those of levels (B,), taken as whole ones."""
        return super().at(self._whole(levels))

    def lmbda(self, levels: Tensor) -> Tensor:
        """λ at levels (B,), taken as whole ones: (B,)."""
        return super().lmbda(self._whole(levels))

    def _whole(self, levels: Tensor) -> Tensor:
        """A whole level for each from 0 to K − 1; of evenly drawn ones as many each."""
        count = len(self.lambdas)
        return torch.floor(levels * (count / (count - 1))).clamp(max=count - 1)


class _LayerBins(RegulatedBins, NestedBins):
    @property
    def layer(self) -> int:
        return int(self.control.levels.now)
