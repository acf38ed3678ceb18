"""Weights files: a network built of one, its metadata, and a tensor changed."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from lic_models import families as shipped
from lic_models.config.builder import build_codec
from lic_models.storage.weights_file import load_weights
from lic_models.storage.weights_header import read_header

WEIGHTS = sorted(shipped.WEIGHTS.glob("*.safetensors"))


def built(path: Path):
    codec = build_codec(read_header(path).components, path.name)
    load_weights(codec, path)
    return codec


def metadata(path: Path) -> dict[str, str]:
    with safe_open(path, framework="pt") as file:
        return dict(file.metadata())


def change(path: Path, key: str, value: torch.Tensor) -> None:
    save_file({**load_file(path), key: value}, path, metadata=metadata(path))
