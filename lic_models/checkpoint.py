"""The state of a training run as one safetensors file: parameters, both optimizers, the step.

No pickle: opening a checkpoint never runs code from it. Memory order is not part of the state;
parameters and moments take that of the network they are read into.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from lic_models.weights_file import read_tensors, write_tensors
from pytest_lic.errors import WeightsError

if TYPE_CHECKING:
    from lic_models.training import Trainer

_NETWORK = "network"


def write_checkpoint(trainer: Trainer, path: Path) -> None:
    """Write the trainer's state to ``path``, whole or not at all."""
    tensors = {f"{_NETWORK}.{key}": value for key, value in trainer.network.named_parameters()}
    for name, optimizer in trainer.optimizers.items():
        for index, moments in optimizer.state_dict()["state"].items():
            for key, value in moments.items():
                tensors[f"{name}.{index}.{key}"] = value
    header = {"step": trainer.step, "recipe": asdict(trainer.recipe), "stages": trainer.stages}
    write_tensors(tensors, path, header)


def read_checkpoint(trainer: Trainer, path: Path) -> None:
    """Bring the trainer to the state stored in ``path``.

    Raises:
        WeightsError: a file that can't be read, is not a checkpoint, or is one of another recipe.
    """
    tensors, header = read_tensors(path)
    recipe, step, stages = header.get("recipe"), header.get("step"), header.get("stages")
    if not (isinstance(recipe, dict) and isinstance(step, int) and isinstance(stages, list)):
        raise WeightsError(f"{path}: not a training checkpoint; give weights to --init instead")
    for key, value in asdict(trainer.recipe).items():
        if recipe.get(key) != value:
            raise WeightsError(
                f"{path}: checkpoint of a run with {key} {recipe.get(key)}, not {value}; resume "
                "with the options it was started with, or begin another run with --init"
            )
    copy_parameters(trainer.network, tensors, path)
    for name, optimizer in trainer.optimizers.items():
        moments: dict[int, dict[str, Tensor]] = {}
        for key, tensor in _below(tensors, name).items():
            index, field = key.split(".")
            moments.setdefault(int(index), {})[field] = tensor
        optimizer.load_state_dict({**optimizer.state_dict(), "state": moments})
    trainer.step, trainer.stages = step, stages


def copy_parameters(network: nn.Module, tensors: dict[str, Tensor], path: Path) -> None:
    """Copy the parameters of ``network`` from the tensors of a checkpoint or a weights file.

    Raises:
        WeightsError: a parameter that ``path`` lacks or holds in another shape.
    """
    tensors = _below(tensors, _NETWORK) or tensors
    with torch.no_grad():
        for key, parameter in network.named_parameters():
            found = tensors.get(key)
            if found is None or found.shape != parameter.shape:
                raise WeightsError(
                    f"{path}: {key} is {'missing' if found is None else tuple(found.shape)}, "
                    f"expected {tuple(parameter.shape)}; give the --width and --latents it has"
                )
            parameter.copy_(found)


def _below(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    start = prefix + "."
    return {key.removeprefix(start): v for key, v in tensors.items() if key.startswith(start)}
