"""Weights adapted from those of another file, of which only what differs is stored.

The header has ``adapted_from``: the other file's name and digest, which codec that is, and the way.

encoder    the encoder's side, in place of the other file's; all that decodes is the other file's
synthesis  the synthesis, in place of the other file's; all bitstreams are the other file's
enhance    for kernels of the other file a product of two thin matrices, ``KEY.up`` × ``KEY.down``,
           which is added to them; and biases, in place of the other file's

The other file is looked for beside the adapted one, then among the shipped weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lic_models.storage.shared_transform import Read, place
from lic_models.storage.weights_header import ADAPTED_FROM, WeightsHeader, file_digest
from pytest_lic.errors import WeightsError

UP, DOWN = ".up", ".down"
ENCODER = ("transform.analysis.", ".hyper_analysis.")
"""What the names of an encoder's parameters have in them."""
SYNTHESIS = ("transform.synthesis.",)
"""The same of a synthesis."""
_PARTS = {
    "encoder": (
        ENCODER,
        "of an encoder, and would decode {}'s bitstreams otherwise than they were written",
    ),
    "synthesis": (SYNTHESIS, "of a synthesis, and {}'s bitstreams would no longer be its own"),
}
"""Way → what it may store, and what is wrong with anything else."""


def named(source: WeightsHeader, target: Path, way: str) -> dict[str, str]:
    """What the header of a new file says of the one that it is adapted from.

    Raises:
        WeightsError: that file would not be found from the new one, or is adapted itself.
    """
    path = source.path
    if source.adapted_from is not None:
        raise WeightsError(
            f"{path}: adapted from {source.adapted_from['file']} already, of which it is a part; "
            "adapt that file instead"
        )
    digest, found = file_digest(path), place(path.name, target)
    if found is None or file_digest(found) != digest:
        raise WeightsError(
            f"{path}: would not be found from {target}, which holds only what differs from it; "
            "write the new file beside it, under another name"
        )
    stated = {"file": path.name, "digest": digest, "way": way}
    return {**stated, "name": source.name, "quality": source.quality}


def source_path(path: Path, stated: Mapping[str, str]) -> Path:
    """The file that an adapted one names.

    Args:
        path: of the adapted one.
        stated: its ``adapted_from``.

    Raises:
        WeightsError: the file is missing, or another one by now.
    """
    name = Path(str(stated["file"])).name
    found = place(name, path)
    if found is None:
        raise WeightsError(
            f"{path}: is adapted from {name}, which is neither beside it nor shipped; put it there"
        )
    if file_digest(found) != stated["digest"]:
        raise WeightsError(
            f"{path}: was adapted from another file than {found} is now; put the file of that time "
            "beside it, or adapt again"
        )
    return found


def completed(
    path: Path, tensors: dict[str, Tensor], header: Mapping[str, Any], read: Read
) -> dict[str, Tensor]:
    """The tensors of a file, with those of the one that it is adapted from, if it is.

    Kernels are summed in float64, where products of halves are exact, and rounded to half: the
    same on every machine.

    Raises:
        WeightsError: the other file is missing, another one by now, or of another architecture.
    """
    stated = header.get(ADAPTED_FROM)
    if stated is None:
        return tensors
    whole = dict(read(source_path(path, stated))[0])
    for key, value in tensors.items():
        name = key.removesuffix(UP).removesuffix(DOWN)
        if name not in whole or (name == key and whole[name].shape != value.shape):
            raise WeightsError(
                f"{path}: {key} is no part of {stated['file']}, which is of another architecture; "
                "adapt again"
            )
        parts, wrong = _PARTS.get(stated["way"], (("",), ""))
        if not any(part in key for part in parts):
            raise WeightsError(
                f"{path}: {key} is no part {wrong.format(stated['file'])}; adapt again"
            )
        if name == key:
            whole[key] = value
        elif f"{name}{UP}" not in tensors:
            raise WeightsError(f"{path}: {key} without {name}{UP}; adapt again")
        elif key.endswith(UP):
            whole[name] = _sum(whole[name], value, tensors.get(f"{name}{DOWN}"), path, name)
    return whole


def _sum(kernel: Tensor, up: Tensor, down: Tensor | None, path: Path, name: str) -> Tensor:
    if down is None or (up.size(0), down.size(1)) != (kernel.size(0), kernel[0].numel()):
        raise WeightsError(f"{path}: {name}{UP} and {name}{DOWN} do not fit {name}; adapt again")
    added = (up.double() @ down.double()).reshape(kernel.shape)
    return (kernel.double() + added).to(torch.float16)
