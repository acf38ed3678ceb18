"""LPIPS: the distance between two images in the features of a network trained to see.

R. Zhang et al.: "The unreasonable effectiveness of deep features as a perceptual metric", CVPR
2018, as the package lpips computes it (version 0.1). That package brings and loads the weights of
its linear layers; the backbone's are torchvision's ImageNet weights, which nothing installs and
nothing here downloads unless asked to.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_lic.errors import UnavailableError, UnknownNameError, WeightsError
from pytest_lic.measuring.metrics.base import Metric, MetricOption
from pytest_lic.system.pickles import START, is_pickle

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

SMALLEST_SIDE = {"vgg": 16, "alex": 31, "squeeze": 17}
"""Backbone → the shortest side, in pixels, that leaves something of its last features."""

_TORCHVISION = {
    "vgg": ("vgg16", "VGG16_Weights"),
    "alex": ("alexnet", "AlexNet_Weights"),
    "squeeze": ("squeezenet1_1", "SqueezeNet1_1_Weights"),
}


@dataclass(frozen=True)
class LPIPS(Metric):
    """0 when equal, rarely above 1; numbers of two backbones are not compared.

    Args:
        net: the backbone, ``"vgg"``, ``"alex"`` or ``"squeeze"``.
        weights: a safetensors file of torchvision's network (vgg16, alexnet, squeezenet1_1),
            classifier included or not.
        download: let torchvision fetch the weights into torch's hub cache, or use those that it
            fetched before. The file is checked against the hash in its name.

    Raises:
        UnknownNameError: no such backbone.
    """

    net: str = "vgg"
    weights: Path | None = None
    download: bool = False

    name = "lpips"
    label = "LPIPS"
    higher_is_better = False
    tolerance = (0.001, 0.005)
    by_default = True
    definition = "RGB, −1 to 1, version 0.1 of the linear layers (Zhang 2018)"
    implementation = "lpips"
    best = 0.0
    variant_field = "lpips_net"
    options = (
        MetricOption("lpips-net", "backbone of LPIPS: vgg, alex or squeeze", "vgg", "NET"),
        MetricOption(
            "lpips-weights",
            "the backbone's weights, a .safetensors file",
            metavar="FILE",
            file=True,
        ),
        MetricOption(
            "lpips-download", "allow torchvision to download the backbone's weights", flag=True
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
        return f"{super().fingerprint()}:{self.net}:{_weights_digest(self)}"

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
        network = _network(self, _file_state(self.weights))
        if isinstance(network, str):
            raise UnavailableError(network)
        with torch.inference_mode():
            return float(network(_scaled(original), _scaled(reconstruction)))


def _weights_digest(metric: LPIPS) -> str:
    """16 hexadecimal digits of the weights file; else a word for where the weights come from."""
    if metric.weights is None:
        return "torchvision" if metric.download else "none"
    return _file_digest(metric.weights, _file_state(metric.weights))


def _scaled(pixels: NDArray[np.uint8]) -> Tensor:
    """(H, W, 3) → float32 (1, 3, H, W) in [−1, 1], as the network expects it."""
    import numpy as np
    import torch

    planes = np.ascontiguousarray(pixels.transpose(2, 0, 1)[None], np.float32)
    return torch.from_numpy(planes / 127.5 - 1)


@lru_cache(maxsize=2)
def _network(metric: LPIPS, _state: str) -> Any:
    """The network with its weights loaded, or the reason why there are none.

    A process keeps either: the network is large, and a download that failed would fail for every
    image again.
    """
    try:
        parameters = _parameters(metric)
    except UnavailableError as reason:
        return str(reason)
    import lpips
    import torch

    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        # The package asks torchvision in an outdated manner; random weights until ours are in.
        warnings.simplefilter("ignore")
        network = lpips.LPIPS(net=metric.net, pnet_rand=True, verbose=False)
    wanted = network.net.state_dict()
    # lpips cuts torchvision's `features` into slices and keeps the layers' numbers.
    sources = {name: "features." + name.split(".", 1)[1] for name in wanted}
    expected = _TORCHVISION[metric.net][0]
    where = metric.weights or "torchvision's weights"
    for name, source in sources.items():
        tensor = parameters.get(source)
        if tensor is None or tensor.shape != wanted[name].shape:
            what = "missing" if tensor is None else f"of shape {tuple(tensor.shape)}"
            raise WeightsError(
                f"{where}: {source} is {what}, expected {tuple(wanted[name].shape)}: "
                f"LPIPS with {metric.net} needs the weights of torchvision's {expected}"
            )
    network.net.load_state_dict({name: parameters[source] for name, source in sources.items()})
    return network


def _parameters(metric: LPIPS) -> dict[str, Tensor]:
    if metric.weights is not None:
        return _read_weights(metric.weights)
    name, weights = _TORCHVISION[metric.net]
    if not metric.download:
        raise UnavailableError(
            f"no weights for {metric.net}: give --lic-lpips-weights FILE.safetensors (of "
            f"torchvision's {name}), or allow --lic-lpips-download"
        )
    return _fetched(weights)


def _fetched(weights: str) -> dict[str, Tensor]:
    """torchvision's weights, read without running code from them."""
    import torchvision

    source = getattr(torchvision.models, weights).IMAGENET1K_V1
    try:
        parameters: dict[str, Tensor] = source.get_state_dict(
            progress=False, check_hash=True, weights_only=True
        )
    except (OSError, RuntimeError) as error:  # no network, or another hash
        raise UnavailableError(f"{source.url} can't be fetched: {error}") from error
    return parameters


def _read_weights(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    _refuse_pickle(path)
    try:
        return {name: tensor.float() for name, tensor in load_file(path).items()}
    except SafetensorError as error:
        raise WeightsError(
            f"{path}: damaged, or no safetensors file ({error}); convert or fetch it again"
        ) from error


def _refuse_pickle(path: Path) -> None:
    try:
        with path.open("rb") as file:
            start = file.read(START)
    except OSError as error:
        raise WeightsError(
            f"{path}: can't be read ({error.strerror}); --lic-lpips-weights expects a file"
        ) from error
    if is_pickle(start):
        raise WeightsError(
            f"{path}: a pickle, which could run code and is never loaded; convert it where you "
            "trust it: safetensors.torch.save_file(torch.load(path, weights_only=True), "
            "'weights.safetensors')"
        )


def _file_state(path: Path | None) -> str:
    """A text that changes when the file does; a missing file is reported where it is read."""
    if path is None or not path.exists():
        return ""
    status = path.stat()
    return f"{status.st_size} {status.st_mtime_ns}"


@lru_cache(maxsize=2)
def _file_digest(path: Path, _state: str) -> str:
    _refuse_pickle(path)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
