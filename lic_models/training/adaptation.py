"""Adaptation of a trained codec to another domain, or to another loss, in four ways.

all        everything is trained: the bitstreams become those of another codec
encoder    analysis and hyper-analysis alone: what decodes stays as it is, to the bit
synthesis  the synthesis alone: the bitstreams stay as they are, to the bit, not the pictures
enhance    the codec stays as it is, and each kernel of its transforms gets an addition of low rank,
           for a second, enhanced codec beside it

Katakol, Herranz, Yang and Mrak, "DANICE: Domain adaptation without forgetting in neural image
compression", CVPR workshops 2021, https://arxiv.org/abs/2104.09370, keep the source codec as a part
of the adapted one and add filters. Here the filters are added in parallel: a layer W becomes
W + up · down, as Hu et al., "LoRA: Low-rank adaptation of large language models", ICLR 2022,
https://arxiv.org/abs/2106.09685, have it, so that the enhanced codec has the source's layers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from lic_models.codec import LearnedCodec
from lic_models.data.crops import CropRecipe, draw_crop, to_batch
from lic_models.data.image_set import ImageSet
from lic_models.storage.adapted import DOWN, ENCODER, SYNTHESIS, UP
from lic_models.training.generative import (
    GenerativeLoss,
    GenerativeWeights,
    check_crop_size,
    given_to_synthesis,
)
from lic_models.training.loss import Distortion, rate_distortion_loss
from pytest_lic.errors import UsageError

Way = Literal["all", "encoder", "synthesis", "enhance"]
Told = Callable[[int, Mapping[str, float]], None]
"""Called after each step with how many are done, and the loss with its parts, by name."""

_ENHANCED = (*ENCODER, *SYNTHESIS, ".hyper_synthesis.")
_PARTS = {"encoder": ENCODER, "synthesis": SYNTHESIS}
_CLIP_NORM, _QUANTILES_RATE = 1.0, 1e-3


@dataclass(frozen=True)
class Schedule:
    """How a codec is adapted.

    Args:
        lmbda: λ.
        distortion: of the loss.
        steps: batches; the learning rate falls to 0 over them with a cosine.
        batch_size: crops in a batch.
        crop_size: side of a crop in pixels.
        learning_rate: Adam's.
        rank: of what `enhance` adds to each kernel.
        seed: of crops, noise and first weights.
        scale: γ of the distortion "laplace", which stays as training left it.
        generative: weights of LPIPS and of a discriminator beside the distortion; None without
            them.
    """

    lmbda: float
    distortion: Distortion = "mse"
    steps: int = 1000
    batch_size: int = 2
    crop_size: int = 192
    learning_rate: float = 3e-4
    rank: int = 8
    seed: int = 1
    scale: float | None = None
    generative: GenerativeWeights | None = None


def adapt(
    codec: LearnedCodec, images: ImageSet, way: Way, schedule: Schedule, told: Told
) -> dict[str, Tensor]:
    """Train a codec on crops of images.

    Args:
        codec: of which ``all``, ``encoder`` and ``synthesis`` change the parameters; for
            ``enhance`` a copy that is of no use afterwards.
        images: no smaller than the crops.
        way: what is trained.
        schedule: how.
        told: how it goes.

    Returns:
        what was trained, name → parameter, or the two factors of an addition to it; see
        `storage.adapted`. Kernels are float16.

    Raises:
        UsageError: a codec of which there is nothing to train this way, or crops that it, or the
            distortion, does not take; LPIPS without its network's weights.
        CorpusError: an image that can't be decoded.
    """
    if schedule.crop_size % codec.downsampling_factor:
        raise UsageError(
            f"crops of {schedule.crop_size} pixels; expected a multiple of "
            f"{codec.downsampling_factor}, the pixels that share a latent"
        )
    if schedule.generative is not None:
        check_crop_size(schedule.crop_size)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(schedule.seed)
        trained = _made_trainable(codec, way, schedule.rank)
        codec.latent_coding.anneal(1.0)  # as its training ended
        # What a decoder is given is rounded: noise in its place would only be for the rate.
        codec.train(way != "synthesis")
        _train(codec, images, trained, schedule, told)
        codec.eval()
    return {
        name: value.detach().half() if value.ndim in (2, 4) else value.detach()
        for name, value in trained.items()
    }


def _train(
    codec: LearnedCodec,
    images: ImageSet,
    trained: dict[str, nn.Parameter],
    schedule: Schedule,
    told: Told,
) -> None:
    quantiles = [value for name, value in trained.items() if name.endswith(".quantiles")]
    main = [value for name, value in trained.items() if not name.endswith(".quantiles")]
    optimizer = torch.optim.Adam(main, schedule.learning_rate)
    auxiliary = torch.optim.Adam(quantiles, _QUANTILES_RATE) if quantiles else None
    decay = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, schedule.steps)
    rng = np.random.default_rng(schedule.seed)
    recipe = CropRecipe("random", schedule.crop_size, mirror=True)
    generative = None
    if schedule.generative is not None:
        channels = codec.transform.latent_channels
        generative = GenerativeLoss(channels, schedule.generative, schedule.learning_rate)
    scale = None if schedule.scale is None else torch.tensor(schedule.scale)
    for step in range(1, schedule.steps + 1):
        drawn = rng.integers(len(images), size=schedule.batch_size)
        batch = to_batch([draw_crop(images.read(int(index)), recipe, rng) for index in drawn])
        with given_to_synthesis(codec) as latents:
            outputs = codec(batch)
        rated = rate_distortion_loss(outputs, batch, schedule.lmbda, schedule.distortion, scale)
        loss, parts = rated.total, {"bpp": rated.bpp, schedule.distortion: rated.distortion}
        if generative is not None:
            terms = generative(outputs["x_hat"], batch, *latents)
            loss = loss + schedule.lmbda * terms.total
            parts |= {"lpips": terms.lpips, "adversarial": terms.adversarial}
        if not math.isfinite(loss.item()):
            raise UsageError(f"step {step}: the loss is {loss.item()}; lower --learning-rate")
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(main, _CLIP_NORM)
        optimizer.step()
        decay.step()
        if auxiliary is not None:
            auxiliary.zero_grad()
            codec.latent_coding.auxiliary_loss().backward()  # type: ignore[no-untyped-call]
            auxiliary.step()
        done = {name: part.item() for name, part in {"loss": loss, **parts}.items()}
        if generative is not None:
            judged = generative.train_discriminator(outputs["x_hat"], batch, *latents)
            done["discriminator"] = judged
        told(step, done)


def _made_trainable(codec: LearnedCodec, way: Way, rank: int) -> dict[str, nn.Parameter]:
    """What a way trains, by the name that it is stored under; all else is frozen."""
    codec.thumbnail = None
    codec.requires_grad_(False)
    if way == "enhance":
        trained = _with_additions(codec, rank)
    else:
        trained = {
            name: parameter
            for name, parameter in codec.named_parameters()
            if way == "all" or _is_within(name, _PARTS[way])
        }
    if not trained:
        raise UsageError(f"--way {way}: this codec has no layers that could be trained so")
    for parameter in trained.values():
        parameter.requires_grad_(True)
    return trained


def _with_additions(codec: LearnedCodec, rank: int) -> dict[str, nn.Parameter]:
    """Let every convolution of the transforms have an addition to its kernel, 0 at first."""
    trained: dict[str, nn.Parameter] = {}
    for name, layer in list(codec.named_modules()):
        is_convolution = isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)
        if not is_convolution or not _is_within(f"{name}.", _ENHANCED):
            continue
        addition = _LowRank(layer.weight, rank)
        parametrize.register_parametrization(layer, "weight", addition)
        trained |= {f"{name}.weight{UP}": addition.up, f"{name}.weight{DOWN}": addition.down}
        if layer.bias is not None:
            trained[f"{name}.bias"] = layer.bias
    return trained


class _LowRank(nn.Module):
    """A kernel, (N, …), plus up (N, R) times down (R, …)."""

    def __init__(self, kernel: Tensor, rank: int) -> None:
        super().__init__()
        rows, columns = kernel.size(0), kernel[0].numel()
        rank = min(rank, rows, columns)
        self.up = nn.Parameter(torch.zeros(rows, rank))
        self.down = nn.Parameter(torch.randn(rank, columns) / math.sqrt(columns))

    def forward(self, kernel: Tensor) -> Tensor:
        return kernel + (self.up @ self.down).reshape(kernel.shape)


def _is_within(name: str, parts: tuple[str, ...]) -> bool:
    return any(part in name if part.startswith(".") else name.startswith(part) for part in parts)
