"""Training crops from a folder of photographs.

JPEG photographs carry the artefacts of 8×8 blocks, which a codec would learn to spend bits on.
Every crop is therefore scaled down by a random factor first, which averages most of them away.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from pytest_lic.errors import CorpusError

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
SCALES = (0.5, 0.8)


def load_photographs(folder: Path, crop: int) -> list[Image.Image]:
    """Read every image below ``folder`` as 8-bit RGB, sorted by path, and keep it in memory.

    Raises:
        CorpusError: a folder that is missing or holds no image, or, by its path, an image that
            can't be read or is smaller than ``crop`` pixels.
    """
    if not folder.is_dir():
        raise CorpusError(f"{folder}: no such folder; --data expects a folder of photographs")
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise CorpusError(f"{folder}: no image in it; --data expects files in {' '.join(SUFFIXES)}")
    return [_load(path, crop) for path in paths]


def _load(path: Path, crop: int) -> Image.Image:
    try:
        with Image.open(path) as image:
            photograph = image.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise CorpusError(
            f"{path}: not a readable image ({error}); repair it or take it out of the folder"
        ) from error
    if min(photograph.size) < crop:
        raise CorpusError(
            f"{path}: {photograph.width}×{photograph.height} pixels, smaller than the crop of "
            f"{crop}×{crop}; take it out of the folder or ask for a smaller --crop"
        )
    return photograph


def crop_batch(
    photographs: list[Image.Image], batch: int, crop: int, rng: np.random.Generator
) -> Tensor:
    """Draw random crops, each scaled down by a factor from ``SCALES``, half of them mirrored.

    Returns:
        float32 (batch, 3, crop, crop), RGB in [0, 1], channels last in memory.
    """
    crops = np.stack([_random_crop(photographs, crop, rng) for _ in range(batch)])
    return torch.from_numpy(crops).permute(0, 3, 1, 2).float().div_(255.0)


def _random_crop(
    photographs: list[Image.Image], crop: int, rng: np.random.Generator
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    photograph = photographs[int(rng.integers(len(photographs)))]
    # One too small for the strongest scaling is scaled as far as it still covers the crop.
    scale = max(rng.uniform(*SCALES), crop / min(photograph.size))
    side = crop / scale
    left = rng.uniform(0.0, photograph.width - side)
    top = rng.uniform(0.0, photograph.height - side)
    # Resizing the crop's own region costs a fraction of resizing the whole photograph.
    box = (left, top, left + side, top + side)
    pixels = np.asarray(photograph.resize((crop, crop), Image.Resampling.BICUBIC, box=box))
    return pixels[:, ::-1] if rng.random() < 0.5 else pixels
