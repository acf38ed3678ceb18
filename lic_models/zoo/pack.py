"""Small copies of checkpoints, with the logs and the ledger: to go on with them on another machine.

Weights are kept as float16, the optimizers' moments as bfloat16, which has float32's range; both are
float32 again once training goes on. A quarter of Adam's states, or so: enough to go on from, not to
end with the same bits as a run that stayed where it was.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import torch
from torch import Tensor

from lic_models.storage.weights_file import read_tensors, write_tensors
from lic_models.training.metrics_file import NAME as METRICS
from lic_models.training.run_folder import CHECKPOINTS, CONFIG, LAST
from lic_models.zoo import ledger
from pytest_lic.errors import UsageError
from pytest_lic.system.files import write_whole

_MOMENTS = "optimizer_states."


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
        tensors, header = read_tensors(checkpoint)
        write_tensors({key: _halved(key, value) for key, value in tensors.items()}, copy, header)
        for name in (METRICS, CONFIG):
            if (run / name).is_file():
                shutil.copyfile(run / name, target / run.name / name)
        copies.append(copy)
    if (runs / ledger.NAME).is_file():
        write_whole(target / ledger.NAME, (runs / ledger.NAME).read_bytes())
    return copies


def _halved(key: str, value: Tensor) -> Tensor:
    if value.dtype != torch.float32 or value.ndim < 2:
        return value
    return value.to(torch.bfloat16 if key.startswith(_MOMENTS) else torch.float16)
