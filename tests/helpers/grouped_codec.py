"""A small codec whose context is in groups of channels, with random weights, and its file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from lic_models.codec import LearnedCodec
from lic_models.config.builder import build_codec
from lic_models.storage.weights_file import write_weights
from lic_models.untrained import spread_latents

SIZES = (2, 3, 4)
_HERE = "lic_models.components"


def components(context: str = "UnevenGroupsContext") -> dict[str, Any]:
    arguments: dict[str, Any] = {"hidden": 6}
    if context == "UnevenGroupsContext":
        arguments["sizes"] = list(SIZES)
    seats = {
        "side_information": {
            "class_path": f"{_HERE}.MeanScaleInformation",
            "init_args": {"hyper_channels": 4},
        },
        "context": {"class_path": f"{_HERE}.{context}", "init_args": arguments},
    }
    transform = {"channels": 6, "latent_channels": sum(SIZES), "kernel_sizes": [3, 3, 3, 3]}
    return {
        "transform": {"class_path": f"{_HERE}.ConvolutionalTransform", "init_args": transform},
        "quantizer": {"class_path": f"{_HERE}.NoiseQuantizer"},
        "entropy_model": {"class_path": f"{_HERE}.JointEntropyModel", "init_args": seats},
        "entropy_coder": {"class_path": f"{_HERE}.AnsCoder"},
    }


def grouped_codec(context: str = "UnevenGroupsContext") -> LearnedCodec:
    """With tables, in evaluation mode; its latents spread over several symbols."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        codec = build_codec(components(context), "test").eval()
        spread_latents(codec)
        codec.update()
    return codec


def write_grouped(path: Path, context: str = "UnevenGroupsContext", **options: Any) -> Path:
    """Its weights file; options of `write_weights`."""
    header = {
        "name": "grouped",
        "quality": "1",
        "lmbda": 0.01,
        "components": components(context),
        "training": {},
    }
    write_weights(grouped_codec(context), path, header, **options)
    return path
