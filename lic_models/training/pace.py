"""The pace of training: how long a run is, and the learning rate of each of its steps."""

from __future__ import annotations

import math
from typing import Literal

from lightning import Trainer

from pytest_lic.errors import UsageError

Decay = Literal["plateau", "linear", "late", "constant"]
_LATE = 0.3  # the share of a run in which "late" lets the learning rate fall


def falls(decay: Decay) -> bool:
    """Whether the learning rate falls towards the end of a run, which must be known then."""
    return decay in ("linear", "late")


def planned_steps(trainer: Trainer, decay: Decay, anneals: str | None) -> float:
    """How many steps a run will take at most; infinity where nobody says.

    Args:
        trainer: of the run.
        decay: of the learning rate.
        anneals: the class of what moves over the run; None where nothing does.

    Raises:
        UsageError: infinity, where the decay or what moves needs a number.
    """
    # Not the trainer's estimate, which starts to draw batches before a checkpoint is read.
    planned = math.inf
    if trainer.max_epochs is not None and trainer.max_epochs >= 0:
        data = getattr(trainer, "datamodule", None)
        planned = float(trainer.max_epochs * len(data.train_dataloader()))
    if trainer.max_steps >= 0:
        planned = min(planned, float(trainer.max_steps))
    if math.isinf(planned) and (anneals or falls(decay)):
        what = f"decay: {decay}" if falls(decay) else f"quantizer: {anneals}"
        raise UsageError(
            f"model.{what} needs to know how long the run is; give --trainer.max_steps"
        )
    return planned


def learning_rate_of(
    step: int, steps: float, decay: Decay, warm_up: int, learning_rate: float
) -> float | None:
    """The learning rate of a step, or None where it stays as it is, or losses decide it.

    Args:
        step: from 0 on.
        steps: of the whole run, infinity where they are not known.
        decay: see `CodecTraining`.
        warm_up: the first steps, in which the rate rises.
        learning_rate: what it rises to.
    """
    if not falls(decay) and step > warm_up:
        return None
    left = max(0.0, 1.0 - step / steps)
    pace = {"linear": left, "late": min(1.0, left / _LATE)}.get(decay, 1.0)
    return learning_rate * pace * min(1.0, (step + 1) / (warm_up + 1))
