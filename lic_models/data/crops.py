"""Cutting one crop out of an image.

JPEG photographs carry the artefacts of 8×8 blocks, which a codec would learn to spend bits on.
Scaling a crop down averages most of them away; scaling and cropping are one step, since resizing
the crop's own region costs a fraction of resizing the whole photograph.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

Place = Literal["random", "centre", "none"]


@dataclass(frozen=True)
class CropRecipe:
    """How a crop is cut.

    Args:
        place: "random" or "centre" of the image; "none" takes the whole image, unscaled.
        size: side of the crop in pixels.
        scale: the range of the factor by which the image is scaled down first, or None. An image
            too small for the drawn factor is scaled as far as it still covers the crop.
        mirror: whether half of the crops are mirrored left to right.
    """

    place: Place
    size: int
    scale: tuple[float, float] | None = None
    mirror: bool = False


def draw_crop(
    image: Image.Image, recipe: CropRecipe, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """One crop, as ``rng`` has it: uint8 (size, size, 3), or (H, W, 3) for a whole image."""
    factor = 1.0 if recipe.scale is None else float(rng.uniform(*recipe.scale))
    across, down = rng.random(2) if recipe.place == "random" else (0.5, 0.5)
    pixels = _cut(image, recipe, factor, float(across), float(down))
    return pixels[:, ::-1] if recipe.mirror and rng.random() < 0.5 else pixels


def fixed_crop(image: Image.Image, recipe: CropRecipe) -> NDArray[np.uint8]:
    """The centre crop scaled by the middle of the recipe's range, never mirrored; or the whole.

    Returns:
        uint8 (size, size, 3), or (H, W, 3) for a whole image.
    """
    factor = 1.0 if recipe.scale is None else sum(recipe.scale) / 2
    return _cut(image, recipe, factor, 0.5, 0.5)


def to_batch(crops: list[NDArray[np.uint8]]) -> Tensor:
    """Crops of one size as an image batch: float32 (B, 3, H, W) in [0, 1], channels last."""
    pixels = torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2)
    return pixels.to(torch.float32, memory_format=torch.channels_last).div_(255.0)


def _cut(
    image: Image.Image, recipe: CropRecipe, factor: float, across: float, down: float
) -> NDArray[np.uint8]:
    """Cut where ``across`` and ``down``, both from 0 to 1, say how far right and down it lies."""
    if recipe.place == "none":
        return np.asarray(image)
    size, factor = recipe.size, max(factor, recipe.size / min(image.size))
    if factor >= 1.0:  # a shift by part of a pixel would blur what needs no scaling
        left, top = round(across * (image.width - size)), round(down * (image.height - size))
        return np.asarray(image.crop((left, top, left + size, top + size)))
    side = size / factor
    left, top = across * (image.width - side), down * (image.height - side)
    box = (left, top, left + side, top + side)
    return np.asarray(image.resize((size, size), Image.Resampling.BICUBIC, box=box))
