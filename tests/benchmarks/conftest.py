"""Networks small enough to be made in no time, and images for them."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import compressai  # noqa: F401, before anything that imports parts of it
import numpy as np
import pytest
import torch
from PIL import Image

import tests.helpers.benchmark_runs  # noqa: F401, which makes them importable
from lic_models.config.builder import build_codec
from lic_models.storage.weights_file import write_weights
from pytest_lic.measuring import coding

hyper_synthesis = importlib.import_module("hyper_synthesis")

MODELS = {"fp": "Factorized", "msh": "MeanScaleHyperprior"}


def components(architecture: str) -> dict[str, Any]:
    """A codec small enough to be made in no time."""
    here = "lic_models.components"
    entropy_model: dict[str, Any] = {"class_path": f"{here}.{MODELS[architecture]}"}
    if architecture == "msh":
        entropy_model["init_args"] = {"hyper_channels": 6}
    return {
        "transform": {
            "class_path": f"{here}.ConvolutionalTransform",
            "init_args": {
                "channels": 6,
                "latent_channels": 8,
                "nonlinearity": {"class_path": f"{here}.ReLU"},
            },
        },
        "quantizer": {"class_path": f"{here}.NoiseQuantizer"},
        "entropy_model": entropy_model,
        "entropy_coder": {"class_path": f"{here}.AnsCoder"},
    }


def write_network(folder: Path, architecture: str, quality: str, gain: float) -> None:
    """Random weights whose latents spread over some symbols, and whose scales over many tables."""
    torch.manual_seed(0)
    described = components(architecture)
    codec = build_codec(described, "test").eval()
    with torch.no_grad():
        list(codec.transform.analysis.modules())[-1].weight.mul_(gain)
        if architecture == "msh":
            codec.entropy_model.hyper_synthesis[-1].weight.mul_(40.0)
            codec.entropy_model.hyper_analysis[-1].weight.mul_(20.0)
    codec.update()
    name = f"{architecture}-relu"
    header = {
        "name": name,
        "quality": quality,
        "lmbda": 0.01 * float(quality),
        "components": described,
        "training": {},
    }
    write_weights(codec, folder / f"{name}-{quality}.safetensors", header)


@pytest.fixture(autouse=True)
def one_thread():
    with coding.cpu_threads(1):
        yield


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    for architecture in MODELS:
        for quality, gain in (("1", 10.0), ("2", 30.0)):
            write_network(folder, architecture, quality, gain)
    return folder


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images") / "pictures"
    folder.mkdir()
    draw = np.random.default_rng(3)
    for name, size in (("a.png", (184, 192)), ("b.png", (192, 176))):
        coarse = draw.integers(0, 256, (9, 8, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).save(folder / name)
    return folder


@pytest.fixture
def task(weights: Path, images: Path, tmp_path: Path) -> Any:
    return hyper_synthesis.Task(
        role="decode",
        weights=str(weights / "msh-relu-2.safetensors"),
        corpus=str(images),
        folder=str(tmp_path),
        result=str(tmp_path / "result.json"),
    )
