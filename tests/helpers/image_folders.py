"""Folders of small images, data modules of them, and what their batches hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from lic_models.data import ImageFolder
from lic_models.data.module import CropDataModule

WIDTH, HEIGHT = 60, 44
SMALL = {"crop_size": 16, "batch_size": 3, "steps_per_epoch": 4}


def write_image(path: Path, number: int = 0, width: int = WIDTH, height: int = HEIGHT) -> Path:
    """An image whose red is 4 × column, green 4 × row and blue 10 × number."""
    pixels = np.empty((height, width, 3), np.uint8)
    pixels[..., 0], pixels[..., 1] = 4 * np.arange(width), 4 * np.arange(height)[:, None]
    pixels[..., 2] = 10 * number
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def write_images(folder: Path, *names: str) -> Path:
    for number, name in enumerate(names):
        write_image(folder / name, number)
    return folder


def cut_short(path: Path) -> Path:
    path.write_bytes(path.read_bytes()[:-60])
    return path


def folder(path: Path, **options: Any) -> ImageFolder:
    return ImageFolder(path, **{**SMALL, **options})


def batches(module: CropDataModule, **options: Any) -> torch.Tensor:
    """A whole epoch of training."""
    return torch.stack(list(module.train_dataloader(**options)))


def samples(images: torch.Tensor) -> np.ndarray:
    """8-bit samples (..., H, W, 3)."""
    return (images * 255).round().to(torch.uint8).movedim(-3, -1).numpy()


def names(module: CropDataModule, split: Any) -> list[str]:
    return [file.name for file in module.images(split).files]


def kodak(path: Path) -> Path:
    return write_images(path, *(f"kodim{n:02}.png" for n in range(1, 25)))


def vimeo(path: Path, triplets: int = 6) -> Path:
    for number in range(triplets):
        write_images(path / f"sequences/00001/{number:04}", "im1.png", "im2.png", "im3.png")
    lines = [f"00001/{number:04}\n" for number in range(triplets)]
    (path / "tri_trainlist.txt").write_text("".join(lines[:-1]))
    (path / "tri_testlist.txt").write_text(lines[-1] + "\n")
    return path
