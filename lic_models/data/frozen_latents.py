"""Crops of latents in place of images, for training that leaves the transform as it is.

    images ── scaled, mirrored ──► analysis, once ──► a file ── cut ──► batch

The latents are kept as one array on disk, which training maps into memory; whoever trains another
entropy model on the same transform and images finds them there. As with `scaled_crops`, a crop
follows from the seed, the number of batches before its own and its place in the batch alone.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from lic_models.data.crops import CropRecipe, to_batch
from lic_models.data.image_set import ImageSet
from lic_models.data.scaled_crops import scale_factors, scaled
from pytest_lic.errors import UsageError
from pytest_lic.system.files import write_whole

_SIZES = 3  # of each image, where the data module says none


@dataclass(frozen=True)
class Frozen:
    """A transform that is not trained.

    Args:
        analysis: image batch (B, 3, H, W) → latents (B, M, H / factor, W / factor).
        factor: pixels to a position, along each side.
        digest: of the analysis' weights.
        folder: where latents are kept.
    """

    analysis: Callable[[Tensor], Tensor]
    factor: int
    digest: str
    folder: Path


class FrozenLatents:
    """The latents of a set's images in several sizes, each once mirrored, and batches of crops.

    Args:
        images: what to train on.
        recipe: with random places.
        sizes: how many, evenly spread over the recipe's scales; 0 takes 3.
        seed: of the crops.
        frozen: the transform.

    Raises:
        CorpusError: an image that can't be decoded.
        UsageError: the latents can't be kept there.
    """

    def __init__(
        self, images: ImageSet, recipe: CropRecipe, sizes: int, seed: int, frozen: Frozen
    ) -> None:
        self._recipe, self._seed, self._frozen = recipe, seed, frozen
        self._factors = scale_factors(recipe, sizes or _SIZES)
        facts = [frozen.digest, images.digest, list(self._factors), recipe.mirror, recipe.size]
        name = hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]
        self.path = frozen.folder / name
        try:
            if not self._index.is_file():
                self._make(images)
            self._shapes = [tuple(shape) for shape in json.loads(self._index.read_text())]
            self._values: NDArray[np.float32] = np.load(self.path / "latents.npy", mmap_mode="r")
        except (OSError, ValueError) as error:
            raise UsageError(
                f"latents of the training images can't be kept in {self.path}: {error}; make room "
                "there, or remove the folder if it is damaged"
            ) from error
        sizes_of_all = [int(np.prod(shape)) for shape in self._shapes]
        self._starts = np.concatenate([[0], np.cumsum(sizes_of_all)])
        if len(self._values) != self._starts[-1]:
            raise UsageError(f"{self.path}: latents of another size than it says; remove it")

    def batch(self, step: int, count: int) -> Tensor:
        """The batch after ``step`` others: float32 (count, M, size / factor, size / factor)."""
        crops = [self._crop(step, position) for position in range(count)]
        return torch.from_numpy(np.stack(crops))

    @property
    def _index(self) -> Path:
        return self.path / "shapes.json"

    def _crop(self, step: int, position: int) -> NDArray[np.float32]:
        rng = np.random.default_rng([self._seed, step, position])
        place = int(rng.integers(len(self._shapes)))
        shape, side = self._shapes[place], self._recipe.size // self._frozen.factor
        latent = self._values[self._starts[place] : self._starts[place + 1]].reshape(shape)
        top, left = (int(rng.integers(room - side + 1)) for room in shape[1:])
        return np.ascontiguousarray(latent[:, top : top + side, left : left + side])

    def _make(self, images: ImageSet) -> None:
        """Write them, the index last: without it there are none."""
        shutil.rmtree(self.path, ignore_errors=True)
        self.path.mkdir(parents=True)
        shapes: list[list[int]] = []
        total = 0
        with (self.path / "raw").open("wb") as raw:
            for latent in tqdm(self._analysed(images), "latents", len(images), unit="image"):
                for values in latent:
                    raw.write(values.tobytes())
                    shapes.append(list(values.shape))
                    total += values.size
        array = np.lib.format.open_memmap(
            self.path / "latents.npy", mode="w+", dtype=np.float32, shape=(total,)
        )
        array[:] = np.memmap(self.path / "raw", np.float32, "r")
        array.flush()
        (self.path / "raw").unlink()
        write_whole(self._index, json.dumps(shapes).encode())

    @torch.no_grad()
    def _analysed(self, images: ImageSet) -> Iterator[list[NDArray[np.float32]]]:
        """The latents (M, h, w) of each image, in all sizes."""
        factor = self._frozen.factor
        for index in range(len(images)):
            latents = []
            for scale in self._factors:
                pixels = scaled(images.read(index), float(scale), self._recipe.size)
                height, width = (side - side % factor for side in pixels.shape[:2])
                sides = [pixels[:height, :width].numpy()]
                sides += [sides[0][:, ::-1]] if self._recipe.mirror else []
                latents += [
                    self._frozen.analysis(to_batch([side]))[0].float().cpu().numpy()
                    for side in sides
                ]
            yield latents
