"""Progress of training: a bar in a terminal, and a line after every validation everywhere."""

from __future__ import annotations

import math
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import TQDMProgressBar

from lic_models.training.callbacks import KeepCheckpoints
from lic_models.training.module import SHOWN_EVERY, CodecTraining
from pytest_lic.errors import CodecError

_LABELS = {"loss": "loss {:.4f}", "bpp": "{:.4f} bpp", "psnr": "{:.2f} dB"}


class TrainingProgress(TQDMProgressBar):
    """Loss, rate and PSNR since the last row of the log, and those of every validation."""

    def __init__(self) -> None:
        super().__init__(refresh_rate=SHOWN_EVERY)  # every refresh waits for the GPU
        if not sys.stdout.isatty():
            self.disable()

    def get_metrics(self, trainer: Trainer, pl_module: LightningModule) -> dict[str, Any]:
        """What stands behind the bar."""
        metrics = trainer.progress_bar_metrics
        return {
            name: f"{metrics[key]:.4g}" for name in _LABELS if (key := f"train_{name}") in metrics
        }

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print a line that stays."""
        super().on_validation_end(trainer, pl_module)
        if trainer.state.fn == "fit" and not trainer.sanity_checking:
            trained = described_metrics(trainer.callback_metrics, "train")
            validated = described_metrics(trainer.callback_metrics, "validation")
            line = f"step {trainer.global_step}: {trained} | validation {validated}"
            if self.is_enabled:
                self.print(line)
            else:
                print(line, flush=True)


def described_metrics(metrics: Any, stage: str) -> str:
    """Such as ``loss 1.2718, 0.6025 bpp, 22.43 dB``, of one stage's metrics."""
    return ", ".join(
        label.format(float(metrics[f"{stage}_{name}"]))
        for name, label in _LABELS.items()
        if f"{stage}_{name}" in metrics
    )


def started_lines(trainer: Trainer, model: CodecTraining, folder: Path) -> Iterator[str]:
    """What is trained, where, and for how long."""
    parameters = sum(parameter.numel() for parameter in model.codec.parameters())
    yield (
        f"{model.description['name']} quality {model.description['quality']}: "
        f"λ = {model.lmbda:g}, {parameters:,} parameters, on {trainer.strategy.root_device}; "
        f"log and checkpoints in {folder}"
    )
    if trainer.max_steps < 0 and (trainer.max_epochs is None or trainer.max_epochs < 0):
        stoppers = trainer.early_stopping_callbacks
        patience = min((stopper.patience for stopper in stoppers), default=None)
        yield (
            "neither trainer.max_steps nor trainer.max_epochs is given: training goes on until the "
            f"loss has not fallen for {patience} validations"
        )


def ended_lines(trainer: Trainer, model: CodecTraining, program: str) -> Iterator[str]:
    """Why training ended, and what to do next.

    Raises:
        CodecError: it ended since the loss is not finite.
    """
    metrics = trainer.callback_metrics
    loss = float(metrics.get("validation_loss", metrics.get("train_loss", math.nan)))
    if metrics and not math.isfinite(loss):
        raise CodecError(
            f"training diverged: the loss is {loss} after step {trainer.global_step}; begin anew "
            "with a lower model.learning_rate"
        )
    stoppers = trainer.early_stopping_callbacks
    patient = [stopper.patience for stopper in stoppers if stopper.stopped_epoch]
    reason = f": the loss has not fallen for {patient[0]} validations" if patient else ""
    yield f"trained for {trainer.global_step} steps in {model.minutes:.1f} minutes{reason}"
    for callback in trainer.callbacks:
        if isinstance(callback, KeepCheckpoints) and (callback.wrote or trainer.ckpt_path):
            yield f"to export the weights: {program} export {shlex.quote(str(callback.last))}"


def validation_line(trainer: Trainer) -> str:
    """What validation found."""
    return f"validation {described_metrics(trainer.callback_metrics, 'validation')}"
