"""Batches: what a crop follows from, exact resume, and images that fail only when decoded."""

from __future__ import annotations

import os
import signal
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint, EarlyStopping, ModelCheckpoint

from lic_models.data.module import CropDataModule
from pytest_lic.errors import CorpusError
from tests.helpers.image_folders import batches, cut_short, folder, names, samples, write_image


@pytest.mark.parametrize("options", [{"workers": 2}, {"keep_in_memory": False}], ids=str)
def test_crops_are_the_same_however_they_are_prepared(
    photographs: Path, options: dict[str, Any]
) -> None:
    assert torch.equal(batches(folder(photographs)), batches(folder(photographs, **options)))


def test_a_seed_a_step_and_a_place_in_the_batch_each_give_another_crop(photographs: Path) -> None:
    one, other = batches(folder(photographs)), batches(folder(photographs, seed=2))
    assert len({crop.numpy().tobytes() for crop in torch.cat([*one, *other])}) == 24


def test_a_step_has_the_same_batch_wherever_training_started(photographs: Path) -> None:
    whole = batches(folder(photographs, steps_per_epoch=10))
    for workers in (0, 2):
        module = folder(photographs, steps_per_epoch=5, workers=workers)
        reached = SimpleNamespace(total=SimpleNamespace(processed=0))
        loops = SimpleNamespace(epoch_loop=SimpleNamespace(batch_progress=reached))
        module.trainer = SimpleNamespace(world_size=1, fit_loop=loops)  # type: ignore[assignment]
        loader = module.train_dataloader()
        abandoned = iter(loader)
        next(abandoned)  # the workers have prepared more than is taken
        for step in (3, 5):
            reached.total.processed = step
            assert torch.equal(torch.stack(list(loader)), whole[step : step + 5])


class Regressor(LightningModule):
    """Two optimizers, of which the main one counts as a global step, and decay on a plateau."""

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False
        torch.manual_seed(0)
        self.layer = torch.nn.Conv2d(3, 3, 3, padding=1)
        self.offset = torch.nn.Parameter(torch.zeros(3))
        self.trace: list[tuple[object, ...]] = []

    def configure_optimizers(self) -> Any:
        main = torch.optim.Adam(self.layer.parameters(), lr=0.01)
        auxiliary = torch.optim.Adam([self.offset], lr=0.01)
        plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(main, patience=0, threshold=1e9)
        return [main, auxiliary], [plateau]

    def training_step(self, images: torch.Tensor, index: int) -> None:
        main, auxiliary = self.optimizers()
        torch.manual_seed(self.global_step)
        noisy = images + 0.1 * torch.rand_like(images)
        main.zero_grad()
        self.manual_backward((self.layer(noisy) - images).square().mean())
        main.step()
        auxiliary.zero_grad()
        self.manual_backward((self.offset - images.mean((0, 2, 3))).square().sum())
        auxiliary.optimizer.step()
        rate = main.param_groups[0]["lr"]
        seen = float(images.sum())
        self.trace.append(("step", self.global_step, self.current_epoch, index, rate, seen))

    def validation_step(self, images: torch.Tensor, _index: int) -> None:
        self.log("loss", (self.layer(images) - images).square().mean())

    def on_validation_epoch_end(self) -> None:
        if not self.trainer.sanity_checking:
            self.trace.append(("validation", self.global_step, self.current_epoch))
            self.lr_schedulers().step(self.trainer.callback_metrics["loss"])

    def on_train_epoch_start(self) -> None:
        self.trace.append(("epoch", self.global_step, self.current_epoch))


class InterruptAfter(Checkpoint):
    """Save and stop at the end of a step; at that of an epoch's last step, after validation."""

    def __init__(self, step: int, path: Path) -> None:
        self.step, self.path = step, path

    def on_train_batch_end(self, trainer: Trainer, *_: object) -> None:
        if not trainer.fit_loop.epoch_loop.batch_progress.is_last_batch:
            self._stop(trainer)

    def on_validation_end(self, trainer: Trainer, *_: object) -> None:
        if not trainer.sanity_checking:
            self._stop(trainer)

    def _stop(self, trainer: Trainer) -> None:
        if trainer.global_step == self.step:
            trainer.save_checkpoint(self.path)
            raise KeyboardInterrupt


def fit(
    module: CropDataModule, *callbacks: Any, resume: Path | None = None, **limits: Any
) -> Regressor:
    network = Regressor()
    trainer = Trainer(
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=bool(callbacks),
        callbacks=list(callbacks),
        **limits,
    )
    before = signal.getsignal(signal.SIGINT)
    try:
        trainer.fit(network, datamodule=module, ckpt_path=resume)
    except SystemExit:  # how Lightning ends after KeyboardInterrupt, with signals ignored
        signal.signal(signal.SIGINT, before)
    return network


QUIET = pytest.mark.filterwarnings(
    "ignore:.*does not have many workers",
    "ignore:.*exists and is not empty",
    "ignore:`isinstance.treespec, LeafSpec",
)


@QUIET
@pytest.mark.filterwarnings("error:.*resum")
@pytest.mark.parametrize("limits", [{"max_steps": 13}, {"max_epochs": 3}], ids=str)
@pytest.mark.parametrize(("step", "workers"), [(5, 0), (7, 0), (7, 2), (9, 0)])
def test_an_interrupted_run_ends_like_one_without_interruption(
    photographs: Path, tmp_path: Path, limits: dict[str, int], step: int, workers: int
) -> None:
    options: dict[str, Any] = {"steps_per_epoch": 5, "workers": workers}

    def callbacks(name: str) -> list[Any]:
        return [
            EarlyStopping("loss", patience=9, check_on_train_epoch_end=False),
            ModelCheckpoint(tmp_path / name, monitor="loss", save_on_train_epoch_end=False),
        ]

    checkpoint = tmp_path / "interrupted.ckpt"
    uninterrupted = fit(folder(photographs, **options), *callbacks("a"), **limits)
    begun = fit(
        folder(photographs, **options), *callbacks("b"), InterruptAfter(step, checkpoint), **limits
    )
    assert begun.trace[-1][1] == step
    resumed = fit(folder(photographs, **options), *callbacks("b"), resume=checkpoint, **limits)
    assert begun.trace + resumed.trace == uninterrupted.trace
    assert [entry for entry in uninterrupted.trace if entry[0] == "validation"][:2] == [
        ("validation", 5, 0),
        ("validation", 10, 1),
    ]
    seen = [entry[-1] for entry in uninterrupted.trace if entry[0] == "step"]
    assert len(set(seen)) == len(seen) >= 13  # no epoch repeats another's crops
    for name, value in uninterrupted.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


@QUIET
def test_resuming_with_other_data_is_said(photographs: Path, tmp_path: Path) -> None:
    checkpoint = tmp_path / "interrupted.ckpt"
    fit(folder(photographs), InterruptAfter(2, checkpoint), max_steps=3)
    write_image(photographs / "new.png", 9)
    with pytest.warns(UserWarning, match=r"other data: seed \(1 before, 5 now\), images \("):
        fit(folder(photographs, seed=5), resume=checkpoint, max_steps=3)


def test_ctrl_c_leaves_the_workers_to_the_main_process(photographs: Path) -> None:
    loader = folder(photographs, workers=2, steps_per_epoch=30).train_dataloader()
    images = iter(loader)
    seen = [next(images), next(images)]  # one of each worker: both have begun
    for worker in loader._iterator._workers:
        os.kill(worker.pid, signal.SIGINT)
    seen.extend(images)
    assert torch.equal(torch.stack(seen), batches(folder(photographs, steps_per_epoch=30)))


@pytest.mark.parametrize("workers", [0, 2])
def test_an_image_that_fails_only_when_decoded_is_named(photographs: Path, workers: int) -> None:
    for path in photographs.iterdir():
        cut_short(path)
    module = folder(photographs, keep_in_memory=False, workers=workers)
    module.setup("fit")  # headers alone are read, and they are whole
    for loader in (module.train_dataloader(), module.val_dataloader()):
        with pytest.raises(CorpusError, match=r"\.png: not a readable image.*=skip") as raised:
            list(loader)
        assert "Traceback" not in str(raised.value)


def test_a_replacement_is_drawn_whoever_draws_it_and_the_warning_comes_once(
    photographs: Path,
) -> None:
    for name in ("1.png", "2.png", "5.png"):
        cut_short(photographs / name)
    options: dict[str, Any] = {"keep_in_memory": False, "on_broken": "skip"}
    options |= {"steps_per_epoch": 20, "validation_share": 0.0}
    drawn = []
    for workers in (0, 2):
        with pytest.warns(UserWarning, match="left out") as caught:
            drawn.append(batches(folder(photographs, workers=workers, **options)))
        warned = [str(warning.message).split(": ")[1] for warning in caught]
        assert len(warned) == len(set(warned)) == 3
    assert torch.equal(*drawn)
    assert not {1, 2, 5} & {int(blue) // 10 for blue in samples(drawn[0])[..., 0, 0, 2].flat}


def test_images_that_all_fail_are_an_error_even_when_skipping(photographs: Path) -> None:
    for path in photographs.iterdir():
        cut_short(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(CorpusError, match="no other image can be decoded"):
            batches(folder(photographs, on_broken="skip", keep_in_memory=False))
        with pytest.raises(CorpusError, match="no usable image is left"):
            folder(photographs, on_broken="skip").setup("fit")


def test_a_broken_image_is_left_out_of_validation(photographs: Path) -> None:
    module = folder(
        photographs, validation_share=0.9, keep_in_memory=False, on_broken="skip", batch_size=1
    )
    left = names(module, "validation")
    cut_short(photographs / left[0])
    with pytest.warns(UserWarning, match=left[0]):
        assert len(list(module.val_dataloader())) == len(left) - 1
