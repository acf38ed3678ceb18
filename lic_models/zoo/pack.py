"""Small copies of checkpoints, with the logs and the ledger: to go on with them on another machine.

Of a network under training come along its averaged weights, as float16, and Adam's second moments,
as bfloat16, which has float32's range; all is float32 again once training goes on. The weights of
the moment are replaced by the averaged ones, and the first moments by zeros, which ten steps make
good: compressed, a copy is a fifth of the checkpoint. It is enough to go on from, but not to end
with the same bits as a run that stayed where it was.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lic_models.storage.checkpoint import SafetensorsCheckpoints, read_checkpoint
from lic_models.training.metrics_file import NAME as METRICS
from lic_models.training.run_folder import CHECKPOINTS, CONFIG, LAST
from lic_models.zoo import ledger
from pytest_lic.errors import UsageError
from pytest_lic.system.files import write_whole

# Where Lightning keeps weights: averaged ones in the first, those of the moment then in the other.
_WEIGHTS, _CURRENT_WEIGHTS = "state_dict", "current_model_state"


def pack(runs: Path, target: Path) -> list[Path]:
    """Copy every run below ``runs`` to ``target``, checkpoints in half precision.

    Returns:
        The copied checkpoints.

    Raises:
        UsageError: no run there, or ``target`` is ``runs``.
        WeightsError: a checkpoint that can't be read, or can't be written.
    """
    checkpoints = sorted(runs.glob(f"*/{CHECKPOINTS}/{LAST}"))
    if not checkpoints:
        raise UsageError(f"{runs}: no run with a checkpoint in it; expected NAME-QUALITY folders")
    if target.resolve() == runs.resolve():
        raise UsageError(f"--out {target}: is the folder of the runs itself; name another")
    copies = []
    for checkpoint in checkpoints:
        run = checkpoint.parent.parent
        copy = target / run.name / CHECKPOINTS / LAST
        copy.parent.mkdir(parents=True, exist_ok=True)
        SafetensorsCheckpoints().save_checkpoint(_packed(read_checkpoint(checkpoint)), copy)
        for name in (METRICS, CONFIG):
            if (run / name).is_file():
                shutil.copyfile(run / name, target / run.name / name)
        copies.append(copy)
    if (runs / ledger.NAME).is_file():
        write_whole(target / ledger.NAME, (runs / ledger.NAME).read_bytes())
    return copies


def _packed(checkpoint: dict[str, Any]) -> dict[str, Any]:
    weights = {key: _narrowed(value, torch.float16) for key, value in checkpoint[_WEIGHTS].items()}
    packed = {**checkpoint, _WEIGHTS: weights}
    if _CURRENT_WEIGHTS in checkpoint:
        packed[_CURRENT_WEIGHTS] = weights
    for optimizer in packed["optimizer_states"]:
        for moments in optimizer["state"].values():
            moments["exp_avg"] = torch.zeros_like(moments["exp_avg"], dtype=torch.bfloat16)
            moments["exp_avg_sq"] = _narrowed(moments["exp_avg_sq"], torch.bfloat16)
    return packed


def _narrowed(value: Tensor, dtype: torch.dtype) -> Tensor:
    """In half precision, if it is a kernel: all else is small."""
    return value.to(dtype) if value.dtype == torch.float32 and value.ndim > 1 else value
