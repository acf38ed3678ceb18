"""A training run of a few seconds, and what it left behind."""

from __future__ import annotations

import csv
import os
import shlex
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch
import yaml

from lic_models.__main__ import main
from lic_models.storage.weights_file import read_tensors

C = "lic_models.components"
RUN = Path("runs/tiny-1")
LAST = RUN / "checkpoints/last.ckpt"


# A quantizer that anneals, a learning rate that decays on plateau, early stopping, five epochs.
TINY: dict[str, Any] = {
    "model": {
        "transform": {
            "class_path": f"{C}.ConvolutionalTransform",
            "init_args": {
                "channels": 6,
                "latent_channels": 8,
                "nonlinearity": f"{C}.LeakyReLU",
                "kernel_sizes": [3, 3, 3, 3],
            },
        },
        "quantizer": f"{C}.quantizers.SoftRoundingQuantizer",
        "entropy_model": {"class_path": f"{C}.ScaleHyperprior", "init_args": {"hyper_channels": 4}},
        "lmbda": 0.0067,
        "start": "random",
        "learning_rate": 0.01,
        "patience": 0,
    },
    "data": {
        "class_path": "lic_models.data.BundledPhotographs",
        "init_args": {"batch_size": 2, "crop_size": 32, "steps_per_epoch": 4},
    },
    "trainer": {"max_steps": 18, "log_every_n_steps": 3},
    "early_stopping": {"patience": 4},
}
INTERRUPTING = """
import os
import signal

from lightning.pytorch.callbacks import Callback


class Interrupting(Callback):
    '''Sends this process the signals that INTERRUPT asks for: "5:SIGINT" before the sixth step.'''

    def __init__(self, also="") -> None:
        self.orders = os.environ.get("INTERRUPT", also)

    def send(self, moment):
        for order in filter(None, self.orders.split(",")):
            when, name = order.split(":")
            if when == moment:
                os.kill(os.getpid(), getattr(signal, name))

    def on_train_batch_start(self, trainer, *_):
        self.send(str(trainer.global_step))

    def on_validation_start(self, trainer, *_):
        self.send(f"validation{trainer.global_step}")
"""


def write(name: str, *layers: dict[str, Any]) -> None:
    """A config: the first mapping, with the others' dotted keys set in it."""
    document = yaml.safe_load(yaml.safe_dump(layers[0]))
    for layer in layers[1:]:
        for key, value in layer.items():
            *above, last = key.split(".")
            place = document
            for each in above:
                place = place.setdefault(each, {})
            place[last] = value
    Path(name).write_text(yaml.safe_dump(document))


def fit(*arguments: str) -> int:
    return main(["fit", "--config=tiny.yaml", *arguments])


def command(line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a line as a shell would, with this Python."""
    first, *others = shlex.split(line)
    assert first == "python"
    return subprocess.run(
        [sys.executable, *others],
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        capture_output=True,
        text=True,
        timeout=500,
    )


def assert_same_outcome(one: Path, other: Path) -> None:
    """Two runs ended with the same state, to the bit, and wrote the same log."""
    assert (one / "metrics.csv").read_text() == (other / "metrics.csv").read_text()
    (first, _), (second, _) = (read_tensors(run / "checkpoints/last.ckpt") for run in (one, other))
    keys = [key for key in first if not key.startswith("callbacks.KeepCheckpoints")]  # has paths
    assert [key for key in keys if not torch.equal(first[key], second[key])] == []


def payload(path: Path) -> bytes:
    """A safetensors file without its header, which tells how long training took."""
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    return content[8 + length :]


def read_metrics(path: Path) -> list[dict[str, float]]:
    """The rows of a ``metrics.csv``, each with the columns that it has."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [{key: float(value) for key, value in row.items() if value} for row in rows]
