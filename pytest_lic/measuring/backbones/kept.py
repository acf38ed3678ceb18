"""The weights of backbones in the user's cache: one safetensors file each, convolutions alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from pytest_lic.errors import WeightsError
from pytest_lic.measuring.backbones.network import Backbone
from pytest_lic.measuring.backbones.reading import read
from pytest_lic.system.files import write_whole

if TYPE_CHECKING:
    from torch import Tensor


def place(backbone: Backbone) -> Path:
    """Where they are kept, if they are."""
    return platformdirs.user_cache_path("pytest-lic") / "backbones" / f"{backbone.name}.safetensors"


def kept(backbone: Backbone) -> Path | None:
    """The file, where there is a whole one; no torch is needed to tell."""
    from safetensors import SafetensorError, safe_open

    path = place(backbone)
    if not path.is_file():
        return None
    try:
        with safe_open(path, "numpy"):
            return path
    except (OSError, SafetensorError):
        return None


def read_kept(path: Path, backbone: Backbone) -> dict[str, Tensor]:
    """The weights in a file that `kept` gave.

    Raises:
        WeightsError: they are others; the text says what to do.
    """
    try:
        return read(path, backbone)
    except WeightsError as error:
        raise WeightsError(
            f"{error}; remove that file, and have pytest-lic weights bring it again"
        ) from error


def keep(backbone: Backbone, features: Mapping[str, Tensor]) -> Path:
    """Write them, in the place of what was there; the file.

    Raises:
        WeightsError: the cache can't be written.
    """
    from safetensors.torch import save

    path = place(backbone)
    ordered = {name: features[name].contiguous() for name in sorted(features)}
    try:
        write_whole(path, save(ordered), shared=True)
    except OSError as error:
        raise WeightsError(
            f"{path}: can't be written ({error.strerror}); name a folder for caches in "
            "XDG_CACHE_HOME"
        ) from error
    return path
