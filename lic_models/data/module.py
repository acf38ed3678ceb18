"""The part that all data modules share: options, splits and loaders.

A data set is a subclass that says where each split's files lie; nothing else differs.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import torch
from lightning import LightningDataModule

from lic_models.data.crops import CropRecipe, Place
from lic_models.data.frozen_latents import Frozen, FrozenLatents
from lic_models.data.image_set import ImageSet, load_images
from lic_models.data.loading import CropLoader, FixedCrops, StepSampler, TrainingCrops
from lic_models.data.scaled_crops import ScaledCropLoader, ScaledCrops
from lic_models.data.scan import OnBroken, examine, hold_out
from pytest_lic.errors import CorpusError, UsageError

Split = Literal["train", "validation", "test"]

_STAGES: dict[str, tuple[Split, ...]] = {
    "fit": ("train", "validation"),
    "validate": ("validation",),
    "test": ("test",),
}


class CropDataModule(LightningDataModule):
    """Crops for training and validation, whole images for testing.

    Every batch is float32 (B, 3, H, W), RGB in [0, 1], channels last in memory.

    Args:
        crop: where a training crop is cut: "random", "centre", or "none" for the whole image,
            unscaled; for whole images of several sizes `batch_size` must be 1.
        crop_size: side of a crop in pixels.
        batch_size: crops in a batch.
        steps_per_epoch: batches in an epoch of training: the images are drawn at random, with
            replacement, so an epoch is as long as one likes.
        scale: the range of the random factor by which a photograph is scaled down before
            cropping, which averages the artefacts of JPEG compression away; null for none.
            Validation crops are scaled by the middle of it.
        prescaled: scale each image beforehand to this many sizes, spread over ``scale``, keep them
            on the device that trains, and cut random crops there; 0 scales each crop as it is
            cut, which knows every factor but is too slow for a GPU.
        mirror: mirror half of the training crops left to right.
        workers: processes that prepare batches; 0 prepares them in the main process.
        keep_in_memory: decode every image once, at set-up, and keep it; null does so for splits
            that take at most 1 GiB.
        seed: of the training crops: with the step and the place in the batch it alone says what
            a crop is.
        on_broken: at an image that can't be used, "raise", or "skip" to leave it out with a
            warning that names it.
        validation_share: share of the training images that is held out for validation, at least
            one image, chosen by a hash of the file name; 0 for no validation.
        validation_crop: "centre" crops or, with "none", whole images one at a time.

    Raises:
        UsageError: an option outside its range, or a split that the data set does not have.
        CorpusError: when set up: a missing folder, another layout, no image, or an image that
            can't be used, each by its path.
    """

    def __init__(
        self,
        crop: Place = "random",
        crop_size: int = 256,
        batch_size: int = 8,
        steps_per_epoch: int = 1000,
        scale: tuple[float, float] | None = (0.5, 0.8),
        prescaled: int = 0,
        mirror: bool = True,
        workers: int = 0,
        keep_in_memory: bool | None = None,
        seed: int = 1,
        on_broken: OnBroken = "raise",
        validation_share: float = 0.05,
        validation_crop: Literal["centre", "none"] = "centre",
    ) -> None:
        super().__init__()
        for name, value, least in (
            ("crop_size", crop_size, 1),
            ("batch_size", batch_size, 1),
            ("steps_per_epoch", steps_per_epoch, 1),
            ("prescaled", prescaled, 0),
            ("workers", workers, 0),
            ("seed", seed, 0),
        ):
            if value < least:
                raise UsageError(f"--data.{name} {value}: expected {least} or more")
        if scale is not None and not 0.0 < scale[0] <= scale[1] <= 1.0:
            raise UsageError(
                f"--data.scale {list(scale)}: expected [smallest, largest] factor, above 0 and at "
                "most 1, or null"
            )
        if not 0.0 <= validation_share < 1.0:
            raise UsageError(f"--data.validation_share {validation_share}: expected 0 to below 1")
        self._training_recipe = CropRecipe(crop, crop_size, scale, mirror)
        self._validation_recipe = CropRecipe(validation_crop, crop_size, scale)
        self._batch_size = batch_size
        self._steps_per_epoch = steps_per_epoch
        self._prescaled = prescaled
        self._workers = workers
        self._keep_in_memory = keep_in_memory
        self._seed = seed
        self._on_broken: OnBroken = on_broken
        self._validation_share = validation_share
        self._images: dict[Split, ImageSet] = {}
        self._scaled: ScaledCrops | None = None
        self._frozen: Callable[[], Frozen] | None = None

    def files(self, split: Split) -> dict[str, Path] | None:
        """Where a split's images lie: name → path; for a subclass to say.

        None where the data set has no such split: one for validation is then held out.

        Raises:
            CorpusError: the folder is missing or laid out in another way.
        """
        raise NotImplementedError

    def shot(self, name: str) -> str:
        """What an image is a part of, and is held out with; by default it stands for itself."""
        return name

    def split_files(self, split: Split) -> dict[str, Path]:
        """A split's files, after one for validation has been held out where none is published.

        Raises:
            UsageError: the data set has no such split.
            CorpusError: a single image, of which none can be held out; or as `files`.
        """
        holds_out = split != "test" and self._holds_out()
        files = self.files("train" if holds_out else split)
        if files is None:
            raise UsageError(
                f"{type(self).__name__} has no images for {split}; choose another data set, such "
                "as --data=lic_models.data.Kodak for testing"
            )
        if not holds_out:
            return files
        shots = {name: self.shot(name) for name in files}
        if len(set(shots.values())) < 2:
            raise CorpusError(
                f"{next(iter(files.values()))}: the only image, so none can be held out for "
                "validation; add images or set --data.validation_share=0"
            )
        held_out = hold_out(set(shots.values()), self._validation_share)
        return {
            name: path
            for name, path in files.items()
            if (shots[name] in held_out) == (split == "validation")
        }

    def read(self, split: Split, smallest: int) -> ImageSet:
        """Scan a split's files and, if they are to be kept, decode them.

        Args:
            split: what to read.
            smallest: pixels that an image's shorter side must have.

        Raises:
            UsageError: the data set has no such split.
            CorpusError: an image that can't be used, or none is there.
        """
        usable = examine(self.split_files(split), smallest, self._on_broken)
        return load_images(usable, self._keep_in_memory, self._on_broken)

    def images(self, split: Split) -> ImageSet:
        """A split's images, read when first asked for."""
        if split not in self._images:
            recipe = {"train": self._training_recipe, "validation": self._validation_recipe}
            cropped = split in recipe and recipe[split].place != "none"
            images = self.read(split, self._training_recipe.size if cropped else 1)
            if split == "train":
                self._check_sizes(images)
            self._images[split] = images
        return self._images[split]

    def setup(self, stage: str) -> None:
        """Read what a stage needs, so that a bad image is found before the first step."""
        for split in _STAGES[stage]:
            if split != "validation" or stage != "fit" or self._has_validation():
                self.images(split)

    def train_dataloader(self) -> CropLoader | ScaledCropLoader:
        """The training crops of one epoch after another.

        Raises:
            UsageError: training on several devices, on which every one would get the same crops.
        """
        if self.trainer is not None and self.trainer.world_size > 1:
            raise UsageError(
                f"training on {self.trainer.world_size} devices; the crops of a step are drawn "
                "for one: use --trainer.devices=1"
            )
        if self._frozen is not None:
            latents = FrozenLatents(
                self.images("train"),
                self._training_recipe,
                self._prescaled,
                self._seed,
                self._frozen(),
            )
            return ScaledCropLoader(
                latents, self._batch_size, self._steps_per_epoch, self._batches_so_far
            )
        if self._prescaled and self._training_recipe.place == "random":
            return ScaledCropLoader(
                self._scaled_crops(), self._batch_size, self._steps_per_epoch, self._batches_so_far
            )
        sampler = StepSampler(self._batch_size, self._steps_per_epoch, self._batches_so_far)
        crops = TrainingCrops(self.images("train"), self._training_recipe, self._seed)
        return self._loader(crops, batch_sampler=sampler)

    def freeze(self, transform: Callable[[], Frozen]) -> bool:
        """Give crops of latents for training, where crops are cut at random places.

        Args:
            transform: called once the weights are known.

        Returns:
            whether it will.
        """
        if self._training_recipe.place != "random":
            return False
        self._frozen = transform
        return True

    def val_dataloader(self) -> CropLoader | list[CropLoader]:
        """Centre crops or whole images in fixed order; an empty list where none is held out."""
        if not self._has_validation():
            return []
        size = self._batch_size if self._validation_recipe.place == "centre" else 1
        crops = FixedCrops(self.images("validation"), self._validation_recipe)
        return self._loader(crops, batch_size=size)

    def test_dataloader(self) -> CropLoader:
        """Whole images, one at a time, in the order of their names."""
        whole = CropRecipe("none", self._training_recipe.size)
        return self._loader(FixedCrops(self.images("test"), whole), batch_size=1)

    def state_dict(self) -> dict[str, Any]:
        """What must be the same for a resumed run to get the same batches."""
        if "train" not in self._images:
            return {}
        return {
            "steps_per_epoch": self._steps_per_epoch,
            "batch_size": self._batch_size,
            "seed": self._seed,
            "crops": repr(self._training_recipe),
            **({"prescaled": self._prescaled} if self._prescaled else {}),
            "images": self._images["train"].digest,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Warn where the data differ from what the interrupted run had."""
        now = self.state_dict()
        changed = [name for name in now if name in state_dict and state_dict[name] != now[name]]
        if changed:
            listed = ", ".join(
                f"{name} ({state_dict[name]} before, {now[name]} now)" for name in changed
            )
            warnings.warn(
                f"training resumes with other data: {listed}; it will not end as the run without "
                "the interruption would have",
                stacklevel=2,
            )

    def _scaled_crops(self) -> ScaledCrops:
        """The training images in several sizes, on the device that trains; scaled once."""
        if self._scaled is None:
            trains = self.trainer is not None
            device = self.trainer.strategy.root_device if trains else torch.device("cpu")
            self._scaled = ScaledCrops(
                self.images("train"),
                self._training_recipe,
                self._prescaled,
                self._seed,
                device,
                self._on_broken,
            )
        return self._scaled

    def _batches_so_far(self) -> int:
        # Not the global step: that counts optimizer steps, which may be several in a batch.
        if self.trainer is None:
            return 0
        return int(self.trainer.fit_loop.epoch_loop.batch_progress.total.processed)

    def _has_validation(self) -> bool:
        return self._validation_share > 0.0 or self.files("validation") is not None

    def _holds_out(self) -> bool:
        return self._validation_share > 0.0 and self.files("validation") is None

    def _check_sizes(self, images: ImageSet) -> None:
        if self._training_recipe.place != "none" or self._batch_size == 1:
            return
        first, *others = images.files
        for other in others:
            if (other.width, other.height) != (first.width, first.height):
                raise CorpusError(
                    f"{other.path}: {other.width}×{other.height} pixels, but {first.path} has "
                    f"{first.width}×{first.height}; whole images of several sizes do not fit one "
                    "batch: use --data.batch_size=1 or a crop"
                )

    def _loader(self, crops: TrainingCrops | FixedCrops, **options: Any) -> CropLoader:
        return CropLoader(
            crops,
            self._on_broken,
            num_workers=self._workers,
            persistent_workers=self._workers > 0,
            **options,
        )
