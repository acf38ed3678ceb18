"""Training crops out of images that were scaled beforehand, on the device that trains.

    images ── scaled to k sizes each, once ──► pixels on the device ── cut ──► batch

Scaling each crop on its own takes a CPU about as long as a GPU takes to train on it. Here each
image is kept in a few sizes; what is left to do for a crop is to copy it out. As with `loading`, a
crop follows from the seed, the number of batches before its own and its place in the batch alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from lic_models.data.crops import CropRecipe
from lic_models.data.image_set import ImageSet
from lic_models.data.scan import OnBroken, usable_of


class ScaledCrops:
    """The images of a set in several sizes each, and batches of crops of them.

    Args:
        images: what to train on.
        recipe: with random places.
        sizes: how many, evenly spread over the recipe's scales; 1 takes the middle. A recipe
            without scales has the images' own.
        seed: of the crops.
        device: where the pixels are kept, three bytes each.
        on_broken: at an image that can't be decoded, "raise", or "skip" with a warning.

    Raises:
        CorpusError: an image that can't be decoded; or none can.
    """

    def __init__(
        self,
        images: ImageSet,
        recipe: CropRecipe,
        sizes: int,
        seed: int,
        device: torch.device,
        on_broken: OnBroken,
    ) -> None:
        self._factors = scale_factors(recipe, sizes)
        self._recipe = recipe
        self._seed = seed

        def in_all_sizes(index: int) -> list[Tensor]:
            image = images.read(index)
            return [scaled(image, float(f), recipe.size).to(device) for f in self._factors]

        self._images = usable_of(range(len(images)), in_all_sizes, "scaling images", on_broken)

    def batch(self, step: int, count: int) -> Tensor:
        """The batch after ``step`` others: float32 (count, 3, size, size) in [0, 1]."""
        crops = torch.stack([self._crop(step, position) for position in range(count)])
        pixels = crops.permute(0, 3, 1, 2)
        return pixels.to(torch.float32, memory_format=torch.channels_last).div_(255.0)

    def _crop(self, step: int, position: int) -> Tensor:
        rng = np.random.default_rng([self._seed, step, position])
        sizes = self._images[int(rng.integers(len(self._images)))]
        image, size = sizes[int(rng.integers(len(sizes)))], self._recipe.size
        top, left = (int(rng.integers(side - size + 1)) for side in image.shape[:2])
        crop = image[top : top + size, left : left + size]
        return crop.flip(1) if self._recipe.mirror and rng.random() < 0.5 else crop


class Crops(Protocol):
    """Where batches are cut."""

    def batch(self, step: int, count: int) -> Tensor:
        """The batch after ``step`` others."""
        ...


class ScaledCropLoader:
    """One epoch after another of such crops, from wherever training is.

    Args:
        crops: where batches are cut.
        batch_size: crops in a batch.
        steps_per_epoch: batches in an epoch.
        current_step: called when iteration starts: the batches trained on so far.
    """

    def __init__(
        self,
        crops: Crops,
        batch_size: int,
        steps_per_epoch: int,
        current_step: Callable[[], int],
    ) -> None:
        self._crops = crops
        self._batch_size = batch_size
        self._steps_per_epoch = steps_per_epoch
        self._current_step = current_step

    def __iter__(self) -> Iterator[Tensor]:
        first = self._current_step()
        for step in range(first, first + self._steps_per_epoch):
            yield self._crops.batch(step, self._batch_size)

    def __len__(self) -> int:
        return self._steps_per_epoch

    def state_dict(self) -> dict[str, Any]:
        """Empty; that it exists tells Lightning that it can resume in the middle of an epoch."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Nothing to restore: which batch comes next follows from the trainer's own count."""


def scale_factors(recipe: CropRecipe, sizes: int) -> NDArray[np.float64]:
    """So many factors, evenly spread over the recipe's scales; 1 if it has but one."""
    low, high = recipe.scale or (1.0, 1.0)
    return np.linspace(low, high, 2 * (sizes if high > low else 1) + 1)[1::2]


def scaled(image: Image.Image, factor: float, smallest: int) -> Tensor:
    """uint8 (h, w, 3), scaled down by ``factor``, or as far as a crop still fits."""
    factor = min(1.0, max(factor, smallest / min(image.size)))
    if factor < 1.0:
        sides = (max(smallest, round(side * factor)) for side in image.size)
        image = image.resize(tuple(sides), Image.Resampling.BICUBIC)
    return torch.from_numpy(np.array(image))
