"""Training an entropy model on latents that are kept, beside training it through the transform.

    python benchmarks/frozen_latents.py FOLDER [--config msh-gdn-checkerboard] [--steps 30]

The same weights, batches of as many crops and one thread, turn by turn: crops of the kept latents
and the rate alone; or crops of the images, the transform that stays as it is on both sides, rate
and distortion. Making the latents once is told apart. Prints steps a second.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from lic_models.codec import LearnedCodec
from lic_models.command_line.training_cli import TrainingCLI
from lic_models.components.entropy_models import JointEntropyModel
from lic_models.config.builder import build_codec
from lic_models.config.codec_config import find_config, read_codec_config
from lic_models.data.crops import CropRecipe
from lic_models.data.frozen_latents import Frozen, FrozenLatents
from lic_models.data.image_set import ImageSet
from lic_models.data.scaled_crops import ScaledCrops
from lic_models.data.scan import examine, images_below
from lic_models.storage.weights_file import copy_parameters
from lic_models.training.first_weights import start_path
from lic_models.training.loss import estimated_bits, rate_distortion_loss

LMBDA = 0.0067


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="photographs")
    parser.add_argument("--config", default="msh-gdn-checkerboard")
    parser.add_argument("--steps", type=int, default=30, help="of each turn")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    config = read_codec_config(find_config(options.config))
    components = TrainingCLI(config, "2", None, ()).components
    codec = build_codec(components, options.config)
    copy_parameters(codec, start_path("msh-gdn-2.safetensors"))
    codec.train()
    images = ImageSet(examine(images_below(options.folder), 256, "skip")[:30])
    recipe = CropRecipe("random", 256, (0.6, 0.9), mirror=True)
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        factor = codec.downsampling_factor
        frozen = Frozen(codec.transform.analysis, factor, "benchmark", Path(folder))
        kept = FrozenLatents(images, recipe, 3, 1, frozen)
        making = time.perf_counter() - began
        crops = ScaledCrops(images, recipe, 3, 1, torch.device("cpu"), "skip")
        ways: dict[str, Callable[[int], Tensor]] = {
            "kept latents": lambda step: on_latents(codec, kept.batch(step, 8)),
            "through the transform": lambda step: on_images(codec, crops.batch(step, 8)),
        }
        turns = {name: turn(codec, loss, options.steps) for name, loss in ways.items()}
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(options.rounds):
            for name, take in turns.items():
                seconds[name].append(take())
    print(f"{options.config}, batches of 8 crops of 256 pixels, one thread, {options.steps} steps")
    print(f"the latents of {len(images)} images, made once: {making:.1f} s")
    rates = {name: options.steps / statistics.median(taken) for name, taken in seconds.items()}
    for name, rate in rates.items():
        print(f"{name}: {rate:.2f} steps/s")
    one, other = rates.values()
    print(f"ratio: {one / other:.2f}")


def turn(codec: LearnedCodec, loss: Callable[[int], Tensor], steps: int) -> Callable[[], float]:
    trained = [p for name, p in codec.named_parameters() if name.startswith("entropy_model.")]
    optimizer = torch.optim.Adam(trained, lr=1e-4, fused=True)

    def take() -> float:
        began = time.perf_counter()
        for step in range(steps):
            optimizer.zero_grad()
            loss(step).backward()
            optimizer.step()
        return time.perf_counter() - began

    for name, parameter in codec.named_parameters():
        parameter.requires_grad_(name.startswith("entropy_model."))
    loss(0).backward()  # warm
    return take


def on_latents(codec: LearnedCodec, latents: Tensor) -> Tensor:
    assert isinstance(codec.entropy_model, JointEntropyModel)
    rated = codec.latent_coding.forward(latents)
    return estimated_bits(rated.likelihoods).sum() / (latents.numel() // latents.size(1) * 256)


def on_images(codec: LearnedCodec, images: Tensor) -> Tensor:
    return rate_distortion_loss(codec(images), images, LMBDA, "mse").total


if __name__ == "__main__":
    main()
