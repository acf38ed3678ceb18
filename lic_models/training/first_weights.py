"""The weights that training begins with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lic_models.codec import LearnedCodec
from lic_models.storage.weights_file import copy_parameters
from lic_models.storage.weights_header import WEIGHTS
from lic_models.training.principal_components import start_from_principal_components
from pytest_lic.errors import UsageError

PRINCIPAL_COMPONENTS, RANDOM = "principal-components", "random"
_CROPS = 64


def set_first_weights(codec: LearnedCodec, start: str, lmbda: float, data: Any) -> None:
    """Set the weights that training begins with.

    Args:
        codec: on the CPU, with random weights.
        start: "principal-components" of the training images, "random", the path of exported
            weights or of a checkpoint, or the name of shipped weights.
        lmbda: λ.
        data: the data module, of which principal components need the crops of the first steps.

    Raises:
        UsageError: no such file, or no crops that the codec takes.
        WeightsError: a file that can't be read, or of another architecture.
    """
    if start == PRINCIPAL_COMPONENTS:
        start_from_principal_components(codec, _first_crops(codec, data), lmbda)
    elif start != RANDOM:
        copy_parameters(codec, start_path(start))


def start_path(start: str) -> Path:
    """The file that ``model.start`` names: a path, or the name of shipped weights.

    Raises:
        UsageError: there is no such file.
    """
    path, shipped = Path(start).expanduser(), WEIGHTS / start
    if not path.is_file() and shipped.is_file():
        return shipped
    if not path.is_file():
        raise UsageError(
            f"model.start: {start} is no file; expected {PRINCIPAL_COMPONENTS}, {RANDOM}, or the "
            "path of exported weights or of a checkpoint, or the name of shipped ones such as "
            "msh-gdn-2.safetensors"
        )
    return path


def refuse_odd_sizes(codec: LearnedCodec, crops: Tensor) -> None:
    """Raise UsageError for crops (B, 3, H, W) whose sides the transform does not take."""
    factor = codec.downsampling_factor
    if crops.size(-1) % factor or crops.size(-2) % factor:
        raise UsageError(
            f"data.init_args.crop_size: crops of {crops.size(-1)}×{crops.size(-2)} pixels; "
            f"expected multiples of {factor}, the pixels that share a latent"
        )


def _first_crops(codec: LearnedCodec, data: Any) -> Tensor:
    """(64 or a little more, 3, H, W): the crops of the first steps."""
    if data is None:
        raise UsageError("model.start: principal components need a data module to draw from")
    crops: list[Tensor] = []
    for batch in data.train_dataloader():
        refuse_odd_sizes(codec, batch)
        crops.append(batch.cpu())
        if sum(map(len, crops)) >= _CROPS:
            break
    return torch.cat(crops)
