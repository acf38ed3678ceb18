"""Weights that name another file's transform, where only the rest was trained.

Such a file's header has ``transform_of``: the other file's name, and the digest of its transform.
It is looked for beside the file, then among the shipped weights.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor

from lic_models.storage.weights_header import WEIGHTS
from pytest_lic.errors import WeightsError

KEY = "transform_of"
_TRANSFORM = "transform."
Read = Callable[[Path], tuple[dict[str, Tensor], dict[str, object]]]


def named(path: Path, new: Path, tensors: Mapping[str, Tensor], read: Read) -> dict[str, str]:
    """What the header of a new file says of the one whose transform is that of ``tensors``.

    Raises:
        WeightsError: the transform of that file is another one, or would not be found from the
            new file.
    """
    others, own = _transform(read(path)[0]), _transform(tensors)
    found = place(path.name, new)
    if found is None or _digest(_transform(read(found)[0])) != _digest(others):
        raise WeightsError(
            f"{path}: would not be found from {new}, which names it in place of its transform; "
            f"expected it, or the same, as {path.name} beside the new file or among the shipped "
            "ones, and the new file under another name"
        )
    different = [
        name
        for name in sorted(own.keys() | others.keys())
        if name not in own or name not in others or not torch.equal(own[name], others[name])
    ]
    if different:
        raise WeightsError(
            f"{path}: {different[0]} is not that of the codec to be written; name the file whose "
            "transform it was trained on with model.trained: entropy_model, or export it whole"
        )
    return {"file": path.name, "digest": _digest(others)}


def without(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """All tensors but the transform's."""
    return {name: value for name, value in tensors.items() if not name.startswith(_TRANSFORM)}


def completed(
    path: Path, tensors: dict[str, Tensor], header: Mapping[str, object], read: Read
) -> dict[str, Tensor]:
    """The tensors of a file, with the transform that it names, if it names one.

    Raises:
        WeightsError: the other file is missing, or has another transform by now.
    """
    stated = header.get(KEY)
    if stated is None:
        return tensors
    if not isinstance(stated, dict) or {"file", "digest"} - stated.keys():
        raise WeightsError(f"{path}: {KEY} is {stated!r:.60}; expected a file and a digest")
    name = Path(str(stated["file"])).name
    other = place(name, path)
    if other is None:
        raise WeightsError(
            f"{path}: has the transform of {name}, which is neither beside it nor shipped; put it "
            "there"
        )
    transform = _transform(read(other)[0])
    if not transform:
        raise WeightsError(f"{path}: has the transform of {other}, which has none; export it again")
    if _digest(transform) != stated["digest"]:
        raise WeightsError(
            f"{path}: was trained on another transform than {other} has now; put the file of that "
            "time beside it, or train and export it again"
        )
    return {**tensors, **transform}


def place(name: str, path: Path) -> Path | None:
    """Where the file of a name is that the file at ``path`` names; never that file itself."""
    if name == path.name:
        return None
    places = (folder / name for folder in (path.parent, WEIGHTS))
    return next((place for place in places if place.is_file()), None)


def _transform(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value for name, value in tensors.items() if name.startswith(_TRANSFORM)}


def _digest(tensors: Mapping[str, Tensor]) -> str:
    sha = hashlib.sha256()
    for name, value in sorted(tensors.items()):
        array = value.detach().contiguous().numpy()
        sha.update(f"{name} {array.dtype} {array.shape} ".encode())
        sha.update(array.tobytes())
    return sha.hexdigest()
