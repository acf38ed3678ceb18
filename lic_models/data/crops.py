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
    pixels = _cut(image, recipe, factor, rng if recipe.place == "random" else None)
    return pixels[:, ::-1] if recipe.mirror and rng.random() < 0.5 else pixels


def fixed_crop(image: Image.Image, recipe: CropRecipe) -> NDArray[np.uint8]:
    """The centre crop scaled by the middle of the recipe's range, never mirrored; or the whole.

    Returns:
        uint8 (size, size, 3), or (H, W, 3) for a whole image.
    """
    factor = 1.0 if recipe.scale is None else sum(recipe.scale) / 2
    return _cut(image, recipe, factor, None)


def to_batch(crops: list[NDArray[np.uint8]]) -> Tensor:
    """Crops of one size as an image batch: float32 (B, 3, H, W) in [0, 1], channels last."""
    pixels = torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2)
    return pixels.to(torch.float32, memory_format=torch.channels_last).div_(255.0)


def _cut(
    image: Image.Image, recipe: CropRecipe, factor: float, rng: np.random.Generator | None
) -> NDArray[np.uint8]:
    """Cut where ``rng`` says, or, without it, in the centre."""
    if recipe.place == "none":
        return np.asarray(image)
    size, factor = recipe.size, max(factor, recipe.size / min(image.size))
    if factor >= 1.0:  # a shift by part of a pixel would blur what needs no scaling
        free = (image.width - size, image.height - size)
        left, top = (n // 2 if rng is None else int(rng.integers(n + 1)) for n in free)
        return np.asarray(image.crop((left, top, left + size, top + size)))
    side = size / factor
    room = (image.width - side, image.height - side)
    x, y = (n / 2 if rng is None else float(rng.uniform(0.0, n)) for n in room)
    box = (x, y, x + side, y + side)
    return np.asarray(image.resize((size, size), Image.Resampling.BICUBIC, box=box))
