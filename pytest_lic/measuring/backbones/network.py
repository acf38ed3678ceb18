"""Which networks metrics look through, and what tells the weights of one from those of another."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from pytest_lic.errors import WeightsError

if TYPE_CHECKING:
    from torch import Tensor

_PRECISION = 1e-3  # of `power`: weights that were stored in half precision pass


@dataclass(frozen=True)
class Backbone:
    """The convolutions of a network of torchvision's, with the weights it has for ImageNet.

    Args:
        name: of the network, as torchvision has it.
        url: of torchvision's file, whose name ends in the first digits of its SHA-256.
        power: the sum of squares of all weights of the convolutions; None where nobody has
            published it.
    """

    name: str
    url: str
    power: float | None

    @property
    def file_hash(self) -> str:
        """The first digits of the SHA-256 of torchvision's file."""
        return PurePosixPath(self.url).stem.rpartition("-")[2]

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name → shape of each weight, such as ``features.0.bias``."""
        import torch
        import torchvision

        with torch.device("meta"):
            network = getattr(torchvision.models, self.name)(weights=None)
        weights = network.features.named_parameters(prefix="features")
        return {name: tuple(weight.shape) for name, weight in weights}

    def features(self, weights: Mapping[str, Tensor], where: object) -> dict[str, Tensor]:
        """Those ``weights`` that are of the convolutions, in float32; there may be others.

        Raises:
            WeightsError: they are another network's, which is named where it is one of ours.
        """
        wrong = self._wrong(weights)
        if not wrong:
            return {name: weights[name].float() for name in self.shapes()}
        other = next((each.name for each in BACKBONES if not each._wrong(weights)), None)
        what = f"{wrong}; these are not" if other is None else f"the weights of {other}, not"
        raise WeightsError(f"{where}: {what} the weights of torchvision's {self.name}")

    def check_trained(self, features: Mapping[str, Tensor], where: object) -> None:
        """See that these are torchvision's weights, as far as their power tells.

        Raises:
            WeightsError: they are other ones of the same network.
        """
        power = math.fsum(float(weight.double().square().sum()) for weight in features.values())
        if self.power is not None and not math.isclose(power, self.power, rel_tol=_PRECISION):
            raise WeightsError(
                f"{where}: {self.name}, but not with torchvision's weights for ImageNet (their "
                f"squares sum to {power:.6g}, expected {self.power:.6g}), so its numbers would "
                "compare with nobody's"
            )

    def _wrong(self, weights: Mapping[str, Tensor]) -> str:
        """What of the weights does not fit this network; "" if they all do."""
        for name, shape in self.shapes().items():
            found = weights.get(name)
            if found is None:
                return f"{name} is missing"
            if found.shape != shape:
                return f"{name} is of shape {tuple(found.shape)}, expected {shape}"
        return ""


_TORCHVISION = "https://download.pytorch.org/models"

ALEXNET = Backbone("alexnet", f"{_TORCHVISION}/alexnet-owt-7be5be79.pth", 3042.88)
VGG16 = Backbone("vgg16", f"{_TORCHVISION}/vgg16-397923af.pth", 5565.06)
SQUEEZENET = Backbone("squeezenet1_1", f"{_TORCHVISION}/squeezenet1_1-b8a52dc0.pth", None)

BACKBONES = (ALEXNET, VGG16, SQUEEZENET)
