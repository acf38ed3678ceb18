"""Trained weights as a safetensors file, with the entropy coder's tables and their provenance.

The tables are stored, not computed again after loading: they come out of floating-point
arithmetic that differs between machines, and a decoder whose tables differ by one count from the
encoder's reads nonsense.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from lic_models.codec import LearnedCodec
from lic_models.components.frequency_tables import FrequencyTables
from lic_models.weights_header import HEADER
from pytest_lic.errors import LicError, WeightsError

_TABLES = "tables"
_KERNELS = (2, 4)  # dimensions of what mixes channels
_PICKLES = (b"PK\x03\x04", b"\x80")


def write_weights(
    codec: LearnedCodec, path: Path, header: Mapping[str, object], *, half: bool = True
) -> None:
    """Write the parameters of ``codec`` and its tables, which must be up to date, to ``path``.

    Args:
        codec: what to write.
        path: safetensors file, replaced if it exists.
        header: JSON that tells what the codec is made of and where its weights come from.
        half: store the kernels, nearly all of the bytes, as float16.
    """
    tensors = {
        key: value.half() if half and value.ndim in _KERNELS else value
        for key, value in codec.state_dict().items()
    }
    for name, tables in codec.tables.items():
        for key, array in tables.to_arrays().items():
            tensors[f"{_TABLES}.{name}.{key}"] = torch.from_numpy(array)
    write_tensors(tensors, path, header)


def write_tensors(tensors: Mapping[str, Tensor], path: Path, header: Mapping[str, object]) -> None:
    """Write tensors and a JSON header to ``path``, whole or not at all, always in equal bytes."""
    rows = {key: value.detach().contiguous() for key, value in tensors.items()}
    part = path.with_name(path.name + ".part")
    # One entry, since safetensors puts several in an order that changes from run to run.
    save_file(rows, part, metadata={HEADER: json.dumps(header)})
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
            header = json.loads((tensors.metadata() or {}).get(HEADER, "{}"))
    except OSError as error:
        raise WeightsError(
            f"{path}: can't be read ({error.strerror or error}); expected a safetensors file of "
            "trained weights. Train and export them, or reinstall the package"
        ) from error
    except (SafetensorError, ValueError) as error:
        raise WeightsError(
            f"{path}: truncated or not a safetensors file ({error}); export it "
            "again, or reinstall the package"
        ) from error
    return state, header


def load_weights(codec: LearnedCodec, path: Path) -> None:
    """Load ``path`` into ``codec``, tables included, and leave it in evaluation mode.

    Raises:
        WeightsError: a file that `read_tensors` refuses, one of another architecture, with a
            value that is not finite, or with tables that are damaged or missing.
    """
    tensors, _ = read_tensors(path)
    arrays: dict[str, dict[str, Any]] = {}
    for key in [key for key in tensors if key.startswith(f"{_TABLES}.")]:
        _, name, part = key.split(".", 2)
        arrays.setdefault(name, {})[part] = tensors.pop(key).numpy()
    _check(codec, tensors, path, "weights")
    codec.load_state_dict(tensors)
    try:
        codec.tables = {name: FrequencyTables.from_arrays(parts) for name, parts in arrays.items()}
    except (LicError, KeyError) as error:
        raise WeightsError(
            f"{path}: the entropy coder's tables: {error}; export it again"
        ) from None
    codec.eval()


def copy_parameters(codec: LearnedCodec, path: Path) -> None:
    """Copy the parameters of ``codec`` from weights or from a checkpoint, such as another λ's.

    Raises:
        WeightsError: a file that can't be read, or of another architecture.
    """
    tensors, header = read_tensors(path)
    if "checkpoint" in header:
        start = "state_dict.codec."
        tensors = {k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)}
    tensors = {key: v for key, v in tensors.items() if not key.startswith(f"{_TABLES}.")}
    _check(codec, tensors, path, "weights")
    codec.load_state_dict(tensors)


def _check(codec: LearnedCodec, tensors: Mapping[str, Tensor], path: Path, what: str) -> None:
    """Refuse tensors that are not finite, or not those of ``codec``, naming the first of them."""
    expected = {key: tuple(value.shape) for key, value in codec.state_dict().items()}
    found = {key: tuple(value.shape) for key, value in tensors.items()}
    differences = sorted(key for key in expected | found if expected.get(key) != found.get(key))
    if differences:
        first = differences[0]
        raise WeightsError(
            f"{path}: {what} of another codec than the one described, {len(differences)} "
            f"differences; the first: {first} is {found.get(first, 'missing')}, expected "
            f"{expected.get(first, 'none')}"
        )
    broken = [key for key, value in tensors.items() if not bool(torch.isfinite(value).all())]
    if broken:
        raise WeightsError(f"{path}: {broken[0]} holds values that are not finite; train it again")
