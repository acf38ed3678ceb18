"""Batches of crops, in an order that an interruption does not change.

    batches so far ──► StepSampler ──► (step, position) ──► TrainingCrops ──► CropLoader ──► batch
                                                            seed, step, position → crop

A training crop follows from the seed, the number of batches before its own and its position in
the batch alone: not from what was drawn before, nor from which worker draws it. A run that goes
on at step s thus gets exactly the batches that it would have got without the interruption.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from lic_models.data.crops import CropRecipe, draw_crop, fixed_crop, to_batch
from lic_models.data.image_set import ImageSet
from lic_models.data.scan import OnBroken, report_broken
from pytest_lic.errors import CorpusError


class Key(NamedTuple):
    """One training crop: the batches before its own, in all epochs, and its place in the batch."""

    step: int
    position: int


class Drawn(NamedTuple):
    """One item: pixels, uint8 (H, W, 3), or None; and which images could not be decoded for it.

    Problems travel as text with the batch, since an exception from a worker process would arrive
    wrapped in a traceback, and a warning there would be given once by each worker.
    """

    pixels: NDArray[np.uint8] | None
    problems: tuple[str, ...]


class Collated(NamedTuple):
    """The items of a batch: float32 (B, 3, H, W) in [0, 1], or None where none was usable."""

    images: Tensor | None
    problems: tuple[str, ...]


class StepSampler(Sampler[list[Key]]):
    """The keys of an epoch's batches, from wherever training is.

    Args:
        batch_size: crops in a batch.
        steps_per_epoch: batches in an epoch. After resuming in the middle of an epoch Lightning
            takes only what is left of it, by its own count, and asks again for the next one.
        current_step: called when iteration starts: the batches trained on so far.
    """

    def __init__(
        self, batch_size: int, steps_per_epoch: int, current_step: Callable[[], int]
    ) -> None:
        self.batch_size = batch_size
        self.steps_per_epoch = steps_per_epoch
        self.current_step = current_step

    def __iter__(self) -> Iterator[list[Key]]:
        first = self.current_step()
        for step in range(first, first + self.steps_per_epoch):
            yield [Key(step, position) for position in range(self.batch_size)]

    def __len__(self) -> int:
        return self.steps_per_epoch


@dataclass(frozen=True, eq=False)
class TrainingCrops(Dataset[Drawn]):
    """Training crops by key."""

    images: ImageSet
    recipe: CropRecipe
    seed: int

    def __getitem__(self, key: Key) -> Drawn:
        rng = np.random.default_rng([self.seed, *key])
        problems: list[str] = []
        for index in _random_order(rng, len(self.images)):
            try:
                image = self.images.read(index)
            except CorpusError as error:
                problems.append(str(error))
            else:
                return Drawn(draw_crop(image, self.recipe, rng), tuple(dict.fromkeys(problems)))
        return Drawn(None, tuple(dict.fromkeys(problems)))

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True, eq=False)
class FixedCrops(Dataset[Drawn]):
    """Each image's centre crop, or each whole image, in order."""

    images: ImageSet
    recipe: CropRecipe

    def __getitem__(self, index: int) -> Drawn:
        try:
            return Drawn(fixed_crop(self.images.read(index), self.recipe), ())
        except CorpusError as error:
            return Drawn(None, (str(error),))

    def __len__(self) -> int:
        return len(self.images)


class CropLoader(DataLoader[Any]):
    """Batches, float32 (B, 3, H, W) in [0, 1], channels last.

    Args:
        dataset: `TrainingCrops` or `FixedCrops`.
        on_broken: what to do when an image turns out to be damaged: "raise", or "skip" to warn,
            once for each image, and take another one (in training) or leave it out.
        options: of `torch.utils.data.DataLoader`.

    Raises:
        CorpusError: while iterating: an image that can't be decoded, by its path.
    """

    def __init__(
        self, dataset: TrainingCrops | FixedCrops, on_broken: OnBroken, **options: Any
    ) -> None:
        super().__init__(
            dataset, collate_fn=_collate, worker_init_fn=_leave_interrupts_alone, **options
        )
        self._on_broken = on_broken
        self._reported: set[str] = set()

    def __iter__(self) -> Iterator[Tensor]:  # type: ignore[override]
        for images, problems in super().__iter__():
            new = [problem for problem in problems if problem not in self._reported]
            self._reported.update(new)
            report_broken(new, self._on_broken)
            if images is not None:
                yield images
            elif isinstance(self.dataset, TrainingCrops):
                raise CorpusError(f"{problems[-1]}; no other image can be decoded either")

    def state_dict(self) -> dict[str, Any]:
        """Empty: which batch comes next follows from the trainer's own count of batches.

        That the method exists tells Lightning that it can resume in the middle of an epoch.
        """
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Nothing to restore; see `state_dict`."""


def _random_order(rng: np.random.Generator, count: int) -> Iterator[int]:
    """One index of ``count``; then, where that image is damaged, all of them shuffled."""
    yield int(rng.integers(count))
    yield from map(int, rng.permutation(count))


def _leave_interrupts_alone(_worker: int) -> None:
    """Ctrl-C reaches workers too; it is for the main process, which may finish a step first."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _collate(items: list[Drawn]) -> Collated:
    crops = [item.pixels for item in items if item.pixels is not None]
    problems = tuple(dict.fromkeys(problem for item in items for problem in item.problems))
    return Collated(to_batch(crops) if crops else None, problems)
