"""The hyper-synthesis in one process, as encoder or decoder: what `flipped_indices` has computed.

    python benchmarks/hyper_synthesis.py TASK.json

    encode    one bitstream for each image and arithmetic, with what chose its tables
    decode    those bitstreams again, under this process's circumstances, and what differs
    cost      times of all arithmetics, taken turn by turn

Started by `flipped_indices`, for thread count and instruction set are settled when a process
begins.
"""

from __future__ import annotations

import copy
import json
import math
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from learned_networks import codec_of, load_network
from numpy.typing import NDArray
from torch import Tensor

from lic_models.codec import LearnedCodec
from lic_models.components.entropy_coding.coders import EntropyCoder
from lic_models.components.entropy_coding.counts import Integers
from lic_models.components.entropy_coding.tables import FrequencyTables
from lic_models.storage.weights_header import WeightsHeader, read_header
from pytest_lic.ablation import turns
from pytest_lic.codec import SupportsLatents
from pytest_lic.errors import BitstreamError, LicError, Unavailable
from pytest_lic.images.corpus import Image, load_corpus
from pytest_lic.measuring import coding

PRECISIONS = {"float32": torch.float32, "float64": torch.float64}
INTEGER = "integer"
REPETITIONS = 5
_NEAR = 0.05  # of a step between tables: still as dense there as at the boundary itself


@dataclass(frozen=True)
class Task:
    """What one process is to do; JSON.

    Args:
        role: ``encode``, ``decode`` or ``cost``.
        weights: exported weights of a hyperprior.
        corpus: folder of images.
        folder: where the encoder leaves its bitstreams.
        result: JSON file to write.
        integer: exported weights of the same hyperprior in integers, if there are any.
        threads: of torch.
        channels_last: memory layout of weights and images.
        device: where the network runs.
    """

    role: str
    weights: str
    corpus: str
    folder: str
    result: str
    integer: str = ""
    threads: int = 1
    channels_last: bool = True
    device: str = "cpu"


@dataclass(frozen=True)
class Differences:
    """What one image's decoder found otherwise than its encoder.

    Args:
        latents: number of latents.
        flipped: how many choose another table.
        wrong: whether the bitstream decodes to other symbols, or not at all.
        moved: latents that the decoder's mean would have rounded to another symbol.
        mean_error: largest difference of the means.
        step_error: mean difference of what is rounded to a table's index.
        largest_step_error: the largest one.
    """

    latents: int
    flipped: int
    wrong: bool
    moved: int
    mean_error: float
    step_error: float
    largest_step_error: float


class Watched:
    """A network's codec whose hyper-synthesis runs in ``precision``, and what it did last.

    Attributes:
        precision: of the hyper-synthesis, where it is none of integers; assign to change it.
        quantizer: the network's, on the CPU.
        latents: float32 (M, h, w), of the last encoding.
        means, log_scales: (M, h, w), as last predicted.
        indices: int32 (n,), of the tables that the entropy coder was last asked to use.
        symbols: int32 (n,), that it last coded or decoded; None if it refused.
        seconds: that each call of the hyper-synthesis took.
    """

    def __init__(self, header: WeightsHeader, channels_last: bool, device: str) -> None:
        self.precision = torch.float64
        self.network: LearnedCodec = load_network(header)
        self.quantizer = copy.deepcopy(self.network.quantizer)
        self.codec = codec_of(self.network, header, device=device, channels_last=channels_last)
        model = self.network.entropy_model
        self._predict = model._predicted
        model._predicted = self._predicted
        coding = self.network.latent_coding
        coding.entropy_coder = _Overheard(coding.entropy_coder, self)
        self.network.transform.analysis.register_forward_hook(self._analysed)
        self.latents = self.means = self.log_scales = torch.empty(0)
        self.indices: Integers = np.empty(0, np.int32)
        self.symbols: Integers | None = None
        self.seconds: list[float] = []

    def steps(self) -> Tensor:
        """The logarithms of the scales, one step apart from table to table, float64."""
        model = self.network.entropy_model
        low, high = map(math.log, model.scale_range)
        return (self.log_scales.double() - low) * ((model.scale_levels - 1) / (high - low))

    def _predicted(
        self, hyper_latents: Tensor, size: tuple[int, int], dtype: torch.dtype
    ) -> tuple[Tensor, Tensor]:
        hyper_latents.cpu()  # a GPU has done all that comes before
        start = time.perf_counter()
        means, log_scales = self._predict(hyper_latents, size, self.precision)
        self.means, self.log_scales = means[0].cpu(), log_scales[0].cpu()
        self.seconds.append(time.perf_counter() - start)
        return means, log_scales

    def _analysed(self, module: object, inputs: object, latents: Tensor) -> None:
        self.latents = latents[0].float().cpu()


class _Overheard:
    """An entropy coder whose last call for latents is noted."""

    def __init__(self, coder: EntropyCoder, watched: Watched) -> None:
        self.name = coder.name
        self._coder = coder
        self._watched = watched

    def encode(self, symbols: Integers, indices: Integers, tables: FrequencyTables) -> bytes:
        if self._codes_latents(tables):
            self._watched.indices, self._watched.symbols = indices, symbols
        return self._coder.encode(symbols, indices, tables)

    def decode(self, string: bytes, indices: Integers, tables: FrequencyTables) -> Integers:
        if not self._codes_latents(tables):
            return self._coder.decode(string, indices, tables)
        self._watched.indices, self._watched.symbols = indices, None
        self._watched.symbols = self._coder.decode(string, indices, tables)
        return self._watched.symbols

    def _codes_latents(self, tables: FrequencyTables) -> bool:
        """Whether these are not the tables of the side information."""
        return tables is self._watched.network.tables["latents"]


def main(arguments: Sequence[str]) -> int:
    """Do what the task file says; the exit status."""
    task = Task(**json.loads(Path(arguments[0]).read_text()))
    torch.set_num_threads(task.threads)
    try:
        images = load_corpus(task.corpus).images
        result = {"encode": encode, "decode": decode, "cost": cost}[task.role](task, images)
    except LicError as error:
        print(error, file=sys.stderr)
        return 2
    found = {
        "threads": torch.get_num_threads(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "result": result,
    }
    Path(task.result).write_text(json.dumps(found))
    return 0


def encode(task: Task, images: Sequence[Image]) -> dict[str, Any]:
    """Leave one file for each image and arithmetic.

    Returns:
        ``densities``: image → density of steps at the boundaries, in float64; ``bytes``:
        arithmetic → of all bitstreams together.
    """
    arithmetics, densities = watched(task), {}
    sizes = dict.fromkeys(arithmetics, 0)
    for number, image in enumerate(images):
        batch = coding.image_batch([image], task.device)
        for name, each in arithmetics.items():
            (bitstream,) = each.codec.encode(batch)
            sizes[name] += len(bitstream)
            np.savez(
                _kept(task, number, name),
                bitstream=np.frombuffer(bitstream, np.uint8),
                latents=each.latents.numpy(),
                means=each.means.numpy(),
                steps=each.steps().numpy(),
                indices=each.indices,
                symbols=each.symbols,
            )
        plain = arithmetics["float64"]
        levels = plain.network.entropy_model.scale_levels
        densities[image.name] = boundary_density(plain.steps().numpy(), levels)
    return {"densities": densities, "bytes": sizes}


def decode(task: Task, images: Sequence[Image]) -> dict[str, Any]:
    """Image → arithmetic → `Differences`."""
    arithmetics = watched(task)
    found: dict[str, Any] = {}
    for number, image in enumerate(images):
        found[image.name] = {}
        for name, each in arithmetics.items():
            with np.load(_kept(task, number, name)) as kept:
                found[image.name][name] = asdict(differences(each, kept))
    return found


def differences(decoder: Watched, kept: Any) -> Differences:
    """Decode the encoder's bitstream and compare what chose the tables, and the symbols.

    Args:
        decoder: the decoder, in the encoder's arithmetic.
        kept: what `encode` wrote.
    """
    assert isinstance(decoder.codec, SupportsLatents)
    try:
        decoder.codec.decode_latents([kept["bitstream"].tobytes()])
    except BitstreamError:  # wrong tables, and the entropy coder noticed
        decoder.symbols = None
    wrong = decoder.symbols is None or not np.array_equal(decoder.symbols, kept["symbols"])
    quantizer = decoder.quantizer
    latents = torch.from_numpy(kept["latents"]).double()
    variant = quantizer.variant(tuple(latents.shape))
    rounded = quantizer.symbols(latents - decoder.means, variant).numpy().reshape(-1)
    step_errors = np.abs(decoder.steps().numpy() - kept["steps"])
    return Differences(
        latents=latents.numel(),
        flipped=int(np.count_nonzero(decoder.indices != kept["indices"])),
        wrong=bool(wrong),
        moved=int(np.count_nonzero(rounded != kept["symbols"])),
        mean_error=float(np.abs(decoder.means.numpy() - kept["means"]).max()),
        step_error=float(step_errors.mean()),
        largest_step_error=float(step_errors.max()),
    )


def boundary_density(steps: NDArray[np.float64], levels: int) -> float:
    """How many latents lie at a boundary between two tables, per latent and step.

    An error of ε steps then flips a share ε · density of them. Rounding changes the index at k + ½
    for k = 0 … levels − 2; beyond, the first and the last table serve.
    """
    nearest = np.clip(np.floor(steps), 0, levels - 2) + 0.5
    return float(np.mean(np.abs(steps - nearest) < _NEAR) / (2 * _NEAR))


def cost(task: Task, images: Sequence[Image]) -> dict[str, Any]:
    """Arithmetic → ``encode`` and ``decode``, time over that in float32, with its extremes.

    Also ``seconds`` to decode an image, and ``synthesis``, the seconds of the fastest call of the
    hyper-synthesis alone: others were interrupted.
    """
    arithmetics = watched(task)
    chosen = images[:: max(1, len(images) // 4)]
    taken = turns.take_turns(
        {name: each.codec for name, each in arithmetics.items()},
        chosen,
        device=task.device,
        threads=task.threads,
        repetitions=REPETITIONS,
    )
    for times in taken.values():
        if isinstance(times, Unavailable):
            raise LicError(times.reason)
    before = taken["float32"]
    return {
        name: {
            "encode": asdict(turns.TimeRatio.of(times.encode, before.encode)),
            "decode": asdict(turns.TimeRatio.of(times.decode, before.decode)),
            "seconds": turns.total(times.decode) / len(chosen),
            "synthesis": min(arithmetics[name].seconds),
        }
        for name, times in taken.items()
    }


def watched(task: Task) -> dict[str, Watched]:
    """Arithmetic → the codec that computes its hyper-synthesis in it."""
    found = {}
    for name, precision in PRECISIONS.items():
        found[name] = Watched(read_header(Path(task.weights)), task.channels_last, task.device)
        found[name].precision = precision
    if task.integer:
        header = read_header(Path(task.integer))
        found[INTEGER] = Watched(header, task.channels_last, task.device)
    return found


def _kept(task: Task, number: int, arithmetic: str) -> Path:
    return Path(task.folder) / f"{number}-{arithmetic}.npz"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
