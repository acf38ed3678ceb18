"""Folders of image files, written for one test."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image as Pillow


def picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def store(path: Path, pixels: np.ndarray | None = None, **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Pillow.fromarray(picture(8, 12) if pixels is None else pixels).save(path, **options)
    return path
