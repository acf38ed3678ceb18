"""Train a codec network on a folder of photographs.

    python -m lic_models.training --data DIR --lambda 0.0067 --steps 24000 --out FILE

Minimises λ · 255² · MSE + bpp (Ballé et al., "Variational image compression with a scale
hyperprior", ICLR 2018, https://arxiv.org/abs/1802.01436) with uniform noise in place of rounding.
Everything random in a step follows from the seed and the step's number, so a run stopped by
Ctrl-C and resumed ends with the same weights, to the bit, as one that never stopped.
"""

from __future__ import annotations

import argparse
import csv
import math
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from types import FrameType
from typing import TextIO

import numpy as np
import torch
from compressai.models import CompressionModel, FactorizedPrior
from PIL import Image
from torch import Tensor, nn

from lic_models.checkpoint import copy_parameters, read_checkpoint, write_checkpoint
from lic_models.photographs import crop_batch, load_photographs
from lic_models.principal_components import start_from_principal_components
from lic_models.weights_file import read_tensors, write_weights
from pytest_lic.errors import LicError

PRINCIPAL, RANDOM, WEIGHTS = "principal-components", "random", "weights"
_REPORT_EVERY = 100
_CHECKPOINT_EVERY = 1000


@dataclass(frozen=True)
class Recipe:
    """Everything that determines a run besides the photographs and the weights it starts from.

    Args:
        lmbda: λ, the weight of distortion against rate.
        steps: optimizer steps.
        width: N, channels between the layers.
        latents: M, channels of the latent.
        batch: crops in a step.
        crop: their side in pixels, a multiple of 16.
        rate: Adam's learning rate.
        decay: the last steps, over which the learning rate falls linearly to zero.
        clip: the largest gradient norm.
        bfloat16: the first steps, run under bfloat16 autocast: nearly twice as fast on processors
            that have it. The last ones should be float32, since bfloat16 can't hold large latents.
        start: "principal-components" or "random"; "weights" where a file of them is given.
        seed: of the initial weights, the crops and the noise.
    """

    lmbda: float
    steps: int
    width: int = 64
    latents: int = 256
    batch: int = 8
    crop: int = 128
    rate: float = 3e-4
    decay: int = 0
    clip: float = 1.0
    bfloat16: int = 0
    start: str = PRINCIPAL
    seed: int = 1


@dataclass(frozen=True)
class Loss:
    """One step's estimated rate in bits per pixel, and mean squared error of RGB in [0, 1]."""

    bpp: Tensor
    mse: Tensor

    def total(self, lmbda: float) -> Tensor:
        """λ · 255² · MSE + bpp."""
        return lmbda * 255.0**2 * self.mse + self.bpp


class Trainer:
    """A network under training, its two optimizers and the step it has reached.

    Args:
        recipe: what to do.
        photographs: what to draw the crops from.
        init: weights, or a checkpoint, to start from.

    ``stages`` are the recipes, as JSON objects, of the runs that led to ``init``.

    Raises:
        WeightsError: an ``init`` that can't be read or does not fit.
    """

    def __init__(
        self, recipe: Recipe, photographs: list[Image.Image], init: Path | None = None
    ) -> None:
        torch.manual_seed(recipe.seed)
        network = FactorizedPrior(recipe.width, recipe.latents)
        self.stages: list[object] = []
        if init is not None:
            tensors, header = read_tensors(init)
            copy_parameters(network, tensors, init)
            before = header.get("stages", [])
            reached = {"recipe": header.get("recipe"), "until": header.get("step")}
            self.stages = before if isinstance(before, list) else []
            if reached["recipe"] is not None:
                self.stages = [*self.stages, reached]
            recipe = replace(recipe, start=WEIGHTS)
        elif recipe.start == PRINCIPAL:
            rng = np.random.default_rng(recipe.seed)
            images = crop_batch(photographs, 64, recipe.crop, rng)
            start_from_principal_components(network, images, recipe.lmbda)
        self.recipe = recipe
        self.photographs = photographs
        self.step = 0
        self.network = network.train().to(memory_format=torch.channels_last)
        main: list[nn.Parameter] = []
        auxiliary: list[nn.Parameter] = []
        for name, parameter in sorted(self.network.named_parameters()):
            (auxiliary if name.endswith(".quantiles") else main).append(parameter)
        self.optimizers = {
            "main": torch.optim.Adam(main, lr=recipe.rate),
            # The quantiles only tell how far the tables must reach.
            "auxiliary": torch.optim.Adam(auxiliary, lr=1e-3),
        }

    def advance(self) -> Loss:
        """Take one step. Its crops and its noise follow from the seed and the step's number."""
        recipe, (main, auxiliary) = self.recipe, self.optimizers.values()
        rng = np.random.default_rng([recipe.seed, self.step])
        torch.manual_seed(int(rng.integers(2**62)))
        images = crop_batch(self.photographs, recipe.batch, recipe.crop, rng)
        left = recipe.steps - self.step
        for group in main.param_groups:
            group["lr"] = recipe.rate * min(1.0, left / max(recipe.decay, 1))
        main.zero_grad()
        auxiliary.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=self.step < recipe.bfloat16):
            loss = rate_distortion_loss(self.network, images)
        loss.total(recipe.lmbda).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(main.param_groups[0]["params"], recipe.clip)
        main.step()
        self.network.aux_loss().backward()
        auxiliary.step()
        self.step += 1
        return loss


def rate_distortion_loss(network: CompressionModel, images: Tensor) -> Loss:
    """Estimated rate and distortion of ``images``, float32 (B, 3, H, W), RGB in [0, 1]."""
    outputs = network(images)
    pixels = images.size(0) * images.size(2) * images.size(3)
    nats = sum(-likelihood.float().log().sum() for likelihood in outputs["likelihoods"].values())
    mse = torch.nn.functional.mse_loss(outputs["x_hat"].float(), images)
    return Loss(bpp=nats / (math.log(2.0) * pixels), mse=mse)


def train(trainer: Trainer, out: Path, note: str = "") -> bool:
    """Train to the recipe's last step. True when done, False when Ctrl-C stopped it earlier.

    Writes, beside ``out``, a CSV log and now and then (and when stopped) a checkpoint; at the
    end ``out`` itself, with the entropy coder's tables and, in its header, the ``note``.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    recipe, totals, started = trainer.recipe, np.zeros(3), time.monotonic()
    with _interrupts() as interrupts, _open_log(log_path(out), trainer.step) as log:
        print(f"{len(trainer.photographs)} photographs, from step {trainer.step}", flush=True)
        while trainer.step < recipe.steps and not interrupts:
            loss = trainer.advance()
            totals += loss.bpp.item(), loss.mse.item(), 1
            if trainer.step % _REPORT_EVERY == 0 or trainer.step == recipe.steps:
                bpp, mse = totals[:2] / totals[2]
                speed = totals[2] / (time.monotonic() - started)
                totals, started = np.zeros(3), time.monotonic()
                total = recipe.lmbda * 255.0**2 * mse + bpp
                row = (f"{total:.5f}", f"{bpp:.5f}", f"{-10 * math.log10(mse):.3f}", f"{speed:.2f}")
                csv.writer(log).writerow((trainer.step, *row))
                log.flush()
                print(
                    f"step {trainer.step}/{recipe.steps}  loss {row[0]}  {row[1]} bpp  "
                    f"{row[2]} dB  {row[3]} steps/s",
                    flush=True,
                )
            if trainer.step % _CHECKPOINT_EVERY == 0:
                write_checkpoint(trainer, checkpoint_path(out))
    if trainer.step < recipe.steps:
        write_checkpoint(trainer, checkpoint_path(out))
        return False
    trainer.network.eval()
    trainer.network.update(force=True, update_quantiles=True)
    header = {
        "recipe": asdict(recipe),
        "step": trainer.step,
        "stages": trainer.stages,
        "photographs": len(trainer.photographs),
        "note": note,
    }
    write_weights(trainer.network, out, header)
    return True


def checkpoint_path(out: Path) -> Path:
    """Where a run that writes ``out`` keeps its checkpoint."""
    return out.with_suffix(".checkpoint.safetensors")


def log_path(out: Path) -> Path:
    """Where a run that writes ``out`` keeps its log."""
    return out.with_suffix(".csv")


@contextmanager
def _open_log(path: Path, step: int) -> Iterator[TextIO]:
    """Open the log behind the row of ``step``: a resumed run repeats what came after it."""
    header = ["step", "loss", "bpp", "psnr", "steps_per_second"]
    rows: list[list[str]] = []
    if step and path.exists():
        with path.open(newline="") as file:
            rows = [row for row in list(csv.reader(file))[1:] if row and int(row[0]) <= step]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
        yield file


@contextmanager
def _interrupts() -> Iterator[list[int]]:
    """Collect Ctrl-C instead of raising it, so that no step is left half done."""
    received: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        received.append(number)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield received
    finally:
        signal.signal(signal.SIGINT, before)


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's options; those of the `Recipe` carry its fields' names."""
    parser = argparse.ArgumentParser(
        prog="python -m lic_models.training", description="Train a codec network."
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of photographs")
    parser.add_argument("--lambda", type=float, required=True, dest="lmbda", help="λ")
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True, help="weights file to write")
    parser.add_argument("--init", type=Path, help="weights or checkpoint to start from")
    parser.add_argument("--resume", type=Path, help="checkpoint of this run to go on from")
    parser.add_argument("--note", default="", help="what the data is, for the file's header")
    parser.add_argument("--threads", type=int, default=1)
    for field in fields(Recipe)[2:]:
        choices = (PRINCIPAL, RANDOM) if field.name == "start" else None
        kind = type(field.default)
        parser.add_argument(f"--{field.name}", type=kind, default=field.default, choices=choices)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit status: 0, 2 after an error, 130 after Ctrl-C."""
    options = parse_options(arguments)
    torch.set_num_threads(options.threads)
    recipe = Recipe(**{field.name: getattr(options, field.name) for field in fields(Recipe)})
    try:
        photographs = load_photographs(options.data, recipe.crop)
        trainer = Trainer(recipe, photographs, options.init)
        if options.resume:
            read_checkpoint(trainer, options.resume)
        if train(trainer, options.out, options.note):
            return 0
    except LicError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(
        f"stopped at step {trainer.step}; to go on, run the same command with "
        f"--resume {checkpoint_path(options.out)}"
    )
    return 130


if __name__ == "__main__":
    sys.exit(main())
