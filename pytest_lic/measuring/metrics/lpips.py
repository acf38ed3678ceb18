"""LPIPS: the distance between two images in the features of a network trained to see.

R. Zhang et al.: "The unreasonable effectiveness of deep features as a perceptual metric", CVPR
2018, as the package lpips computes it (version 0.1). That package brings and loads the weights of
its linear layers; the backbone's are torchvision's ImageNet weights, which nothing installs, and
which ``pytest-lic weights lpips`` brings into the user's cache.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_lic.errors import UnavailableError, UnknownNameError
from pytest_lic.measuring.backbones import (
    ALEXNET,
    SQUEEZENET,
    VGG16,
    Backbone,
    fetch,
    file_digest,
    file_state,
    kept,
    read_kept,
    read_safetensors,
)
from pytest_lic.measuring.metrics.base import Metric, MetricOption

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

SMALLEST_SIDE = {"alex": 31, "vgg": 16, "squeeze": 17}
"""Backbone → the shortest side, in pixels, that leaves something of its last features."""

NETS = {"alex": ALEXNET, "vgg": VGG16, "squeeze": SQUEEZENET}
"""Backbone, as the package lpips calls it → whose weights it needs."""


@dataclass(frozen=True)
class LPIPS(Metric):
    """0 when equal, rarely above 1; numbers of two backbones are not compared.

    Args:
        net: the backbone, ``"alex"``, as the authors advise for evaluation, ``"vgg"`` or
            ``"squeeze"``.
        weights: a safetensors file of torchvision's network (alexnet, vgg16, squeezenet1_1),
            classifier included or not, in place of the one in the user's cache.
        download: fetch the weights where the user's cache lacks them.

    Raises:
        UnknownNameError: no such backbone.
    """

    net: str = "alex"
    weights: Path | None = None
    download: bool = False

    name = "lpips"
    label = "LPIPS"
    higher_is_better = False
    tolerance = (0.001, 0.005)
    by_default = True
    definition = "RGB, −1 to 1, version 0.1 of the linear layers (Zhang 2018)"
    implementation = "lpips"
    reference = "0.3493 and 0.3566 of seeded noise with vgg, as torchmetrics documents"
    needs = "the weights of the network beneath: pytest-lic weights lpips"
    best = 0.0
    variant_field = "lpips_net"
    backbones = NETS
    options = (
        MetricOption("lpips-net", "backbone of LPIPS: alex, vgg or squeeze", "alex", "NET"),
        MetricOption(
            "lpips-weights",
            "the backbone's weights, a .safetensors file, in place of the cache's",
            metavar="FILE",
            file=True,
        ),
        MetricOption(
            "lpips-download", "fetch the backbone's weights where the cache lacks them", flag=True
        ),
    )

    def __post_init__(self) -> None:
        if self.net not in SMALLEST_SIDE:
            raise UnknownNameError("LPIPS network", self.net, SMALLEST_SIDE, "--lic-lpips-net")

    def configured(self, values: Mapping[str, Any]) -> LPIPS:
        """As ``--lic-lpips-net``, ``--lic-lpips-weights`` and ``--lic-lpips-download`` say."""
        return LPIPS(values["lpips-net"], values["lpips-weights"], values["lpips-download"])

    @property
    def variant(self) -> str:
        """The backbone."""
        return self.net

    def fingerprint(self) -> str:
        """With the backbone and its weights.

        Raises:
            WeightsError: the weights file is missing or a pickle.
        """
        path = _weights(self)
        digest = "none" if isinstance(path, str) else file_digest(path)
        return f"{super().fingerprint()}:{self.net}:{digest}"

    def network(self) -> Any:
        """The package's own ``nn.Module``, for training towards it; it stays as it is itself.

        ``network()(x, y, normalize=True)`` gives (B, 1, 1, 1) for RGB in [0, 1], with a gradient.

        Raises:
            UnavailableError: no weights to be had.
            WeightsError: the weights file is missing, damaged, a pickle or another network's.
        """
        return _network(self._source())

    def compute(self, original: NDArray[np.uint8], reconstruction: NDArray[np.uint8]) -> float:
        """LPIPS of two 8-bit images (H, W, 3), RGB.

        Raises:
            UnavailableError: no weights to be had, or images below `SMALLEST_SIDE`.
            WeightsError: the weights file is missing, damaged, a pickle or another network's.
        """
        import torch

        least = SMALLEST_SIDE[self.net]
        if min(original.shape[:2]) < least:
            height, width = original.shape[:2]
            raise UnavailableError(
                f"image of {width}×{height} pixels; LPIPS with {self.net} needs {least} on each "
                "side"
            )
        source = self._source()
        with torch.inference_mode():
            before = _features_of_original(source, original.shape, original.tobytes())
            after = _features(source, reconstruction)
            layers = zip(_network(source).lins, before, after, strict=True)
            return float(sum(lin((one - other) ** 2).mean((2, 3)) for lin, one, other in layers))

    def _source(self) -> _Source:
        path = _weights(self)
        if isinstance(path, str):
            raise UnavailableError(path)
        return _Source(self.net, path, self.weights is not None, file_state(path))


def _weights(metric: LPIPS) -> Path | str:
    """The file of the backbone's weights, or the reason why there is none."""
    if metric.weights is not None:
        return metric.weights
    backbone = NETS[metric.net]
    if (there := kept(backbone)) is not None:
        return there
    if metric.download:
        return _fetched(backbone)
    chosen = "" if metric.net == LPIPS.net else f" --net {metric.net}"
    return (
        f"no weights for {metric.net}: `pytest-lic weights lpips{chosen}` brings them, or give "
        f"--lic-lpips-weights FILE.safetensors (of torchvision's {backbone.name})"
    )


@cache
def _fetched(backbone: Backbone) -> Path | str:
    """Tried once in a process, since it would fail for every image again."""
    try:
        return fetch(backbone)
    except UnavailableError as reason:
        return f"no weights of {backbone.name}: {reason}"


@dataclass(frozen=True)
class _Source:
    """Where a network's weights are from: a file in some state.

    One that was ``given`` may hold weights of the user's own; one of the cache may not.
    """

    net: str
    path: Path
    given: bool
    state: str


@lru_cache(maxsize=8)
def _features_of_original(
    source: _Source, shape: tuple[int, ...], content: bytes
) -> Sequence[Tensor]:
    """Kept of some images, since each comes back at every quality, and they are half the time."""
    import numpy as np

    return _features(source, np.frombuffer(content, np.uint8).reshape(shape))


def _features(source: _Source, pixels: NDArray[np.uint8]) -> Sequence[Tensor]:
    """What the layers that LPIPS looks at make of an image (H, W, 3), of length 1 at each place."""
    import lpips

    network = _network(source)
    layers = network.net(network.scaling_layer(_scaled(pixels)))
    return [lpips.normalize_tensor(layer) for layer in layers]


def _scaled(pixels: NDArray[np.uint8]) -> Tensor:
    """(H, W, 3) → float32 (1, 3, H, W) in [−1, 1], as the network expects it."""
    import numpy as np
    import torch

    planes = np.ascontiguousarray(pixels.transpose(2, 0, 1)[None], np.float32)
    return torch.from_numpy(planes / 127.5 - 1)


@lru_cache(maxsize=2)
def _network(source: _Source) -> Any:
    """The network with its weights, which a process keeps, since it is large."""
    import lpips
    import torch

    backbone, path = NETS[source.net], source.path
    weights = (
        backbone.features(read_safetensors(path), path)
        if source.given
        else read_kept(path, backbone)
    )
    with (
        warnings.catch_warnings(),
        torch.random.fork_rng(devices=[]),
        torch.inference_mode(False),  # kept for training too
    ):
        # The package asks torchvision in an outdated manner; random weights until ours are in.
        warnings.simplefilter("ignore")
        network = lpips.LPIPS(net=source.net, pnet_rand=True, verbose=False).requires_grad_(False)
    # lpips cuts torchvision's `features` into slices and keeps the layers' numbers.
    network.net.load_state_dict(
        {name: weights["features." + name.split(".", 1)[1]] for name in network.net.state_dict()}
    )
    return network
