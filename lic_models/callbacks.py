"""What a training run does besides training: keep checkpoints, and stop cleanly on Ctrl-C."""

from __future__ import annotations

import signal
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint, ModelCheckpoint

LAST = "last.ckpt"


class TrainingInterrupted(BaseException):
    """Ctrl-C stopped a run, whose state is in ``checkpoint``."""

    def __init__(self, checkpoint: Path, step: int) -> None:
        super().__init__(f"stopped after step {step}")
        self.checkpoint = checkpoint
        self.step = step


class KeepCheckpoints(ModelCheckpoint):
    """``last.ckpt`` after every validation, and ``best.ckpt``, that of the lowest loss."""

    def __init__(self) -> None:
        super().__init__(
            filename="best",
            monitor="validation_loss",
            save_last=True,
            # With the epoch's end, a resumed run would validate at other steps.
            save_on_train_epoch_end=False,
            enable_version_counter=False,
            auto_insert_metric_name=False,
        )


class StopOnInterrupt(Checkpoint):
    """Finish the step at Ctrl-C, write a checkpoint and stop: no step is left half done.

    A second Ctrl-C stops at once. (A `Checkpoint`, so that Lightning calls it after the others.)
    """

    def __init__(self) -> None:
        self._received = False
        self._before: Any = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take Ctrl-C over."""

        def note(_number: int, _frame: FrameType | None) -> None:
            if self._received:
                raise KeyboardInterrupt
            self._received = True
            print("\nCtrl-C: stopping after this step; press it again to stop at once", flush=True)

        self._before = signal.signal(signal.SIGINT, note)

    def on_train_batch_end(self, trainer: Trainer, *_: Any, **__: Any) -> None:
        """Stop here, unless the epoch ends: its validation has to come first."""
        if self._received and not trainer.fit_loop.epoch_loop.batch_progress.is_last_batch:
            self._stop(trainer)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop here if Ctrl-C came during the epoch's last step or its validation."""
        if self._received and not trainer.sanity_checking:
            self._stop(trainer)

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Give Ctrl-C back."""
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            self._before = None

    def _stop(self, trainer: Trainer) -> NoReturn:
        folder = Path(trainer.log_dir or trainer.default_root_dir) / "checkpoints"
        trainer.save_checkpoint(folder / LAST)
        raise TrainingInterrupted(folder / LAST, trainer.global_step)
