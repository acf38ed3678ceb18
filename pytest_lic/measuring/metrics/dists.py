"""DISTS: structure and texture of two images in the features of VGG16, by the authors' package.

K. Ding et al.: "Image quality assessment: unifying structure and texture similarity", TPAMI 2020.
The package brings the weights of features; those of VGG16 are torchvision's, which
``pytest-lic weights dists`` brings into the user's cache.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from pytest_lic.errors import UnavailableError
from pytest_lic.measuring.backbones import VGG16, Backbone, file_digest, file_state, kept, read_kept
from pytest_lic.measuring.metrics.borrowed import BorrowedMetric, as_tensor

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class DISTS(BorrowedMetric):
    """0 when equal, up to 1."""

    name = "dists"
    label = "DISTS"
    higher_is_better = False
    tolerance = (0.0004, 0.002)
    best = 0.0
    implementation = "dists-pytorch"
    module = "DISTS_pytorch.DISTS_pt"
    backbones: Mapping[str, Backbone] = {"vgg": VGG16}
    definition = "RGB, 0 to 1, at the image's own size, features of VGG16 (Ding 2020)"
    reference = "piq's DISTS with the same weights, to 1e-5"
    needs = (
        "dists-pytorch: pip install 'pytest-lic[perceptual]', and the weights of a network: "
        "`pytest-lic weights dists`"
    )

    def fingerprint(self) -> str:
        """With the weights of the network."""
        path = kept(VGG16)
        return f"{super().fingerprint()}:{'none' if path is None else file_digest(path)}"

    def value(self, original: NDArray[np.uint8], reconstruction: NDArray[np.uint8]) -> float:
        """What the package says, but for what rounding takes below 0.

        Raises:
            UnavailableError: no weights of VGG16.
            WeightsError: those of the cache are others.
        """
        import torch

        package, path = self.package(), kept(VGG16)
        if path is None:
            raise UnavailableError(
                f"no weights of {VGG16.name}: `pytest-lic weights {self.name}` brings them"
            )
        images = (as_tensor(pixels / 255.0) for pixels in (original, reconstruction))
        with torch.inference_mode():
            return max(0.0, float(_network(package, path, file_state(path))(*images)))


@lru_cache(maxsize=1)
def _network(package: ModuleType, path: Path, _state: str) -> Any:
    """The package's network with its weights and those of a file, which a process keeps."""
    import torch
    import torchvision

    assert package.__file__ is not None
    with torch.device("meta"):
        vgg = torchvision.models.vgg16(weights=None)
    features = read_kept(path, VGG16)
    vgg.features.load_state_dict(
        {name.removeprefix("features."): weight for name, weight in features.items()}, assign=True
    )
    # The package has torchvision fetch its network, and looks for its own weights where the
    # interpreter is installed, though they lie beside it too.
    with (
        patch.object(package.models, "vgg16", lambda pretrained: vgg),
        torch.random.fork_rng(devices=[]),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        network = package.DISTS(load_weights=False)
    own = torch.load(Path(package.__file__).with_name("weights.pt"), weights_only=True)
    network.alpha.data, network.beta.data = own["alpha"], own["beta"]
    return network
