"""The defaults of training's options, where neither a config nor the command line sets them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from lic_models.training.metrics_file import MetricsFile

METRICS_FILE = f"{MetricsFile.__module__}.{MetricsFile.__qualname__}"
DEFAULTS: dict[str, Any] = {
    "model.transform": "lic_models.components.ConvolutionalTransform",
    "model.quantizer": "lic_models.components.NoiseQuantizer",
    "model.entropy_model": "lic_models.components.Factorized",
    "model.entropy_coder": "lic_models.components.AnsCoder",
    "data": "lic_models.data.BundledPhotographs",
    "early_stopping.monitor": "validation_loss",
    "early_stopping.patience": 20,
    "early_stopping.strict": False,
    # At the epoch's end, a resumed run would not know the loss.
    "early_stopping.check_on_train_epoch_end": False,
}


def trainer_defaults(folder: Path) -> dict[str, Any]:
    """The trainer's options for a run in ``folder``."""
    return {
        "devices": 1,
        "max_epochs": -1,
        "num_sanity_val_steps": 0,
        "enable_model_summary": False,
        # On a GPU, convolutions differ from run to run otherwise.
        "deterministic": "warn" if torch.cuda.is_available() else None,
        "default_root_dir": str(folder),
        "logger": {"class_path": METRICS_FILE, "init_args": logger_arguments(folder)},
    }


def logger_arguments(folder: Path) -> dict[str, str]:
    """What `MetricsFile` takes to write into ``folder``."""
    return {"save_dir": str(folder.parent), "name": folder.name}
