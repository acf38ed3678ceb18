"""Callbacks of a training run: keep checkpoints, and stop cleanly, on Ctrl-C or in time."""

from __future__ import annotations

import math
import os
import signal
import time
from pathlib import Path
from types import FrameType
from typing import Any

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint, ModelCheckpoint

from lic_models.training.run_folder import BEST, LAST


class TrainingInterrupted(BaseException):
    """Ctrl-C, or the end of the minutes that were given, stopped a run.

    Args:
        step: the steps that were done.
        checkpoint: the state after them; None where none was written, since the user could not
            wait.
        in_time: whether it was the end of the minutes.
    """

    def __init__(self, step: int, checkpoint: Path | None, *, in_time: bool = False) -> None:
        super().__init__(f"stopped after step {step}")
        self.step = step
        self.checkpoint = checkpoint
        self.in_time = in_time


class KeepCheckpoints(ModelCheckpoint):
    """``last.ckpt`` after every validation and in the end, ``best.ckpt`` at the lowest loss.

    Without validation, ``last.ckpt`` is written after every epoch.
    """

    def __init__(self) -> None:
        super().__init__(
            filename=Path(BEST).stem,
            monitor="validation_loss",
            # With the epoch's end, a resumed run would validate at other steps.
            save_on_train_epoch_end=False,
            enable_version_counter=False,
            auto_insert_metric_name=False,
        )
        self._written_at = 0

    @property
    def last(self) -> Path:
        """Where ``last.ckpt`` is, once the run has been set up."""
        return Path(self.dirpath or ".") / LAST

    @property
    def wrote(self) -> bool:
        """Whether this run wrote ``last.ckpt``; an earlier one may have."""
        return self._written_at > 0

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep what was just validated."""
        super().on_validation_end(trainer, pl_module)
        if trainer.state.fn == "fit" and not trainer.sanity_checking:
            self._write_once(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep what no validation has kept."""
        if not _validates(trainer):
            self._write_once(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep the steps since the last validation, if the run ends between two."""
        self._write_once(trainer)

    def write_last(self, trainer: Trainer) -> Path:
        """Write ``last.ckpt`` as things stand.

        Lightning's own would only be written with a new best one.
        """
        trainer.save_checkpoint(self.last)
        self._written_at = trainer.global_step
        return self.last

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up the best loss so far, also where the run's folder has been moved since."""
        best = str(Path(self.dirpath or ".") / BEST)
        score = state_dict["best_model_score"]
        if score is None or not Path(best).is_file():
            return
        moved = {
            "dirpath": self.dirpath,
            "best_model_path": best,
            "kth_best_model_path": best,
            "best_k_models": {best: score},
        }
        super().load_state_dict({**state_dict, **moved})
        self.current_score = state_dict["current_score"]

    def _write_once(self, trainer: Trainer) -> None:
        if self._written_at < trainer.global_step and not trainer.fast_dev_run:
            self.write_last(trainer)


class StopOnInterrupt(Checkpoint):
    """Finish the step at Ctrl-C or when time is up, write a checkpoint and stop.

    No step is left half done. A second Ctrl-C stops at once. (A `Checkpoint`, so that Lightning
    calls it after the others, whose state is then that after the step too.)

    Args:
        keeper: what writes the checkpoint.
        deadline: when time is up, by `time.monotonic`.
    """

    def __init__(self, keeper: KeepCheckpoints, deadline: float = math.inf) -> None:
        self._keeper = keeper
        self._deadline = deadline
        self._received = False
        self._before: Any = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take Ctrl-C over."""

        def note(_number: int, _frame: FrameType | None) -> None:
            if self._received:
                raise TrainingInterrupted(trainer.global_step, None)
            self._received = True
            # Not print, which may itself be what the signal interrupts.
            os.write(1, b"\nCtrl-C: stopping after this step; press it again to stop at once\n")

        self._before = signal.signal(signal.SIGINT, note)

    def on_train_batch_end(self, trainer: Trainer, *_: Any, **__: Any) -> None:
        """Stop here, unless a validation is due: what follows from it has to come first."""
        if self._is_over and not _validates_next(trainer):
            self._stop(trainer)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop here if Ctrl-C or the end came during the validation or the step before it."""
        # A run that is ending anyway would not know that any more when resumed.
        if self._is_over and not trainer.sanity_checking and not trainer.should_stop:
            self._stop(trainer)

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Give Ctrl-C back."""
        self._give_back()

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        """Give Ctrl-C back."""
        self._give_back()

    @property
    def _is_over(self) -> bool:
        return self._received or time.monotonic() >= self._deadline

    def _give_back(self) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            self._before = None

    def _stop(self, trainer: Trainer) -> None:
        checkpoint = self._keeper.write_last(trainer)
        raise TrainingInterrupted(trainer.global_step, checkpoint, in_time=not self._received)


def _validates_next(trainer: Trainer) -> bool:
    """Whether a validation follows the batch that has just been trained on, or may."""
    progress = trainer.fit_loop.epoch_loop.batch_progress
    if not _validates(trainer):
        return False
    across_epochs = trainer.check_val_every_n_epoch is None
    batches = progress.total.ready if across_epochs else progress.current.ready
    interval = float(trainer.val_check_batch or math.inf)
    return bool(progress.is_last_batch) or (math.isfinite(interval) and batches % interval == 0)


def _validates(trainer: Trainer) -> bool:
    return sum(_listed(trainer.num_val_batches)) > 0


def _listed(counts: float | list[float]) -> list[float]:
    return counts if isinstance(counts, list) else [counts]
