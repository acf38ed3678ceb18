"""Lightning's checkpoints as safetensors files: no pickle, so that opening one never runs code.

Tensors keep their names' path through the nested checkpoint; everything else is JSON in the
header. Memory order is not part of the state: parameters and moments take that of the network
they are read into.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from lightning.fabric.plugins import CheckpointIO
from torch import Tensor

from lic_models.storage.weights_file import read_json_header, read_tensors, write_tensors
from pytest_lic.errors import WeightsError

_TENSOR, _PAIRS, _PATH = "$tensor", "$pairs", "$path"


class SafetensorsCheckpoints(CheckpointIO):
    """Writes and reads what a Lightning trainer wants to keep."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        """Write a checkpoint, whole or not at all.

        Raises:
            WeightsError: a callback's state that is neither a tensor nor JSON.
        """
        tensors: dict[str, Tensor] = {}
        structure = _stored(checkpoint, "", tensors, {})
        write_tensors(tensors, Path(path), {"checkpoint": structure})

    def load_checkpoint(self, path: str | Path, *_: Any, **__: Any) -> dict[str, Any]:
        """Read a checkpoint.

        Raises:
            WeightsError: a file that is missing, cut short, a pickle or no checkpoint.
        """
        return read_checkpoint(Path(path))

    def remove_checkpoint(self, path: str | Path) -> None:
        """Delete a checkpoint that a better or later one replaces."""
        Path(path).unlink(missing_ok=True)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """The nested checkpoint that ``path`` holds.

    Raises:
        WeightsError: a file that is missing, cut short, a pickle or no checkpoint.
    """
    tensors, header = read_tensors(path)
    restored: dict[str, Any] = _restored(_structure(path, header), tensors)
    return restored


def describe_checkpoint(path: Path) -> dict[str, Any]:
    """Which codec a checkpoint is of and how it was trained, without reading its tensors.

    Returns:
        ``name``, ``quality``, ``lmbda``, ``components``, ``training`` and ``weights``, the path
        that its config gives the exported weights, and ``format_version``; the last two may be
        missing.

    Raises:
        WeightsError: a file that is missing, cut short, a pickle or no checkpoint of a codec.
    """
    structure = _structure(path, read_json_header(path))
    described = structure.get("codec")
    keys = ("name", "quality", "lmbda", "components", "training")
    if not isinstance(described, dict) or any(key not in described for key in keys):
        raise WeightsError(
            f"{path}: does not say which codec it is of; expected a checkpoint written by "
            "python -m lic_models fit"
        )
    training = {**described["training"], "data": _data(structure, described.get("data"))}
    return {**{key: described[key] for key in described if key != "data"}, "training": training}


def first_difference(stored: Any, expected: Any, key: str = "") -> tuple[str, Any, Any] | None:
    """Where two descriptions of components differ first: the dotted key, and what each says.

    What ``stored`` does not mention is not compared: it is older than the argument.
    """
    if isinstance(stored, dict) and isinstance(expected, dict):
        if stored.get("class_path") != expected.get("class_path"):
            return key, stored.get("class_path"), expected.get("class_path")
        pairs = ((name, stored[name], expected.get(name)) for name in sorted(stored))
        differences = (first_difference(a, b, f"{key}.{name}".lstrip(".")) for name, a, b in pairs)
        return next((name for name in differences if name is not None), None)
    return None if stored == expected else (key, stored, expected)


def refuse_other_codec(
    stored: dict[str, Any], components: dict[str, Any], *, coding: bool = False
) -> None:
    """Compare the components that a checkpoint or weights are of with those that are described.

    Args:
        stored: those of the file.
        components: those described.
        coding: whether the entropy coder, which training does without, must be the same too.

    Raises:
        WeightsError: naming the first argument that differs.
    """
    compared = stored if coding else {k: v for k, v in stored.items() if k != "entropy_coder"}
    difference = first_difference(compared, components)
    if difference is not None:
        key, there, here = difference
        raise WeightsError(
            f"of another codec: its {key} is {there}, this one's is {here}; give the config and "
            "the options that it was trained with"
        )


def _data(structure: dict[str, Any], name: str | None) -> dict[str, Any]:
    """What the codec was trained on, from the state of the data module."""
    for module, state in structure.items():
        if isinstance(state, dict) and {"images", "crops"} <= state.keys():
            return {"name": name or module, **state}
    return {"name": name}


def _structure(path: Path, header: dict[str, Any]) -> dict[str, Any]:
    structure = header.get("checkpoint")
    if not isinstance(structure, dict):
        what = "weights" if "components" in header else "a safetensors file"
        advice = f"; start from them with --model.start={path}" if "components" in header else ""
        raise WeightsError(f"{path}: {what}, not a checkpoint of training{advice}")
    return structure


def _stored(value: Any, name: str, tensors: dict[str, Tensor], names: dict[int, str]) -> Any:
    """``value`` as JSON, its tensors put into ``tensors``, each once: ``names`` has where."""
    if isinstance(value, Tensor):
        if id(value) not in names:
            names[id(value)] = name
            tensors[name] = value.detach().clone()  # safetensors refuses shared memory
        return {_TENSOR: names[id(value)]}
    if isinstance(value, dict):
        pairs = [
            [key, _stored(item, f"{name}.{key}".lstrip("."), tensors, names)]
            for key, item in value.items()
        ]
        return dict(pairs) if all(isinstance(key, str) for key in value) else {_PAIRS: pairs}
    if isinstance(value, list | tuple):
        return [
            _stored(item, f"{name}.{index}", tensors, names) for index, item in enumerate(value)
        ]
    if isinstance(value, os.PathLike):
        return {_PATH: os.fspath(value)}
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise WeightsError(
        f"checkpoint: {name} is a {type(value).__name__}, which is neither a tensor nor JSON; "
        "leave out the callback that keeps it"
    )


def _restored(value: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, list):
        return [_restored(item, tensors) for item in value]
    if not isinstance(value, dict):
        return value
    if _TENSOR in value:
        return tensors[value[_TENSOR]]
    if _PATH in value:
        return Path(value[_PATH])
    pairs = value[_PAIRS] if _PAIRS in value else value.items()
    return {key: _restored(item, tensors) for key, item in pairs}
