"""Trained weights as a safetensors file, with the entropy coder's tables and their provenance.

The tables are stored, not computed again after loading: they come out of floating-point
arithmetic that differs between machines, and a decoder whose tables differ by one count from the
encoder's reads nonsense.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from pytest_lic.errors import WeightsError

_HEADER = "lic_models"
_PICKLES = (b"PK\x03\x04", b"\x80")


def write_weights(network: nn.Module, path: Path, header: Mapping[str, object]) -> None:
    """Write the state of ``network``, whose tables must be up to date, to ``path``.

    Convolution kernels, nearly all of the bytes, are stored as float16. ``header`` is JSON that
    tells where the weights come from.
    """
    state = network.state_dict().items()
    kernels = {key: value.half() for key, value in state if value.ndim == 4}
    write_tensors({**dict(state), **kernels}, path, header)


def write_tensors(tensors: Mapping[str, Tensor], path: Path, header: Mapping[str, object]) -> None:
    """Write tensors and a JSON header to ``path``, whole or not at all, always in equal bytes."""
    rows = {key: value.detach().contiguous() for key, value in tensors.items()}
    part = path.with_name(path.name + ".part")
    # One entry, since safetensors puts several in an order that changes from run to run.
    save_file(rows, part, metadata={_HEADER: json.dumps(header)})
    part.replace(path)


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, object]]:
    """Every tensor of a safetensors file, and its header.

    Raises:
        WeightsError: a file that is missing, truncated, damaged or a pickle.
    """
    try:
        with path.open("rb") as file:
            head = file.read(4)
        if head.startswith(_PICKLES):
            raise WeightsError(
                f"{path}: a pickle, which is never loaded since it can run code; "
                "convert it to safetensors where it was written"
            )
        with safe_open(path, framework="pt") as tensors:
            state = {key: tensors.get_tensor(key) for key in tensors.keys()}  # noqa: SIM118
            header = json.loads((tensors.metadata() or {}).get(_HEADER, "{}"))
    except OSError as error:
        raise WeightsError(
            f"{path}: can't be read ({error.strerror or error}); expected a safetensors file of "
            "trained weights. Reinstall the package, or train it with lic_models.training"
        ) from error
    except (SafetensorError, ValueError) as error:
        raise WeightsError(
            f"{path}: truncated or not a safetensors file ({error}); reinstall the package, or "
            "train it again with lic_models.training"
        ) from error
    return state, header


def load_weights(network: nn.Module, path: Path) -> None:
    """Load ``path`` into ``network``, tables included, and leave it in evaluation mode.

    Raises:
        WeightsError: a file that `read_tensors` refuses, or one of another architecture, or with
            a value that is not finite.
    """
    state, _ = read_tensors(path)
    broken = [key for key, value in state.items() if not bool(torch.isfinite(value).all())]
    if broken:
        raise WeightsError(f"{path}: {broken[0]} holds values that are not finite; train it again")
    expected, found = set(network.state_dict()), set(state)
    if expected != found:
        _refuse(path, network, sorted(expected ^ found))
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        _refuse(path, network, str(error).splitlines()[1:])
    network.eval()


def _refuse(path: Path, network: nn.Module, differences: Sequence[str]) -> None:
    raise WeightsError(
        f"{path}: weights of another architecture than {type(network).__name__}, "
        f"{len(differences)} differences, the first: {differences[0].strip()}"
    )
