"""Training of a thumbnail synthesis, for a codec that stays as it is.

images ── crops ──► codec, once ──► decoded latents ─┐
             └───── scaled down by 8 ────────────────┴─► batches ──► thumbnail synthesis
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from lic_models.codec import LearnedCodec
from lic_models.components.thumbnails import SCALE, ThumbnailSynthesis
from lic_models.data.crops import CropRecipe, draw_crop, to_batch
from lic_models.data.image_set import ImageSet

CROPS = 1600
"""How many are coded at most; batches are drawn from them."""
BATCH = 32
_CODED_TOGETHER = 8
_LEARNING_RATE = 0.001
_FITTED = 400  # crops that the linear part is solved for
_SCALE = (0.5, 0.8)  # that photographs are scaled by, as `CropDataModule` has it

Told = Callable[[int, float], None]
"""Called after each step with how many are done, and the loss."""


def new_thumbnail(codec: LearnedCodec, groups: int, seed: int) -> ThumbnailSynthesis:
    """A thumbnail synthesis with random weights, attached to a codec.

    Raises:
        UsageError: a codec without such groups of channels.
    """
    thumbnail = ThumbnailSynthesis(groups)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        codec.attach_thumbnail(thumbnail)
    return thumbnail


def train_thumbnail(
    thumbnail: ThumbnailSynthesis,
    latents: Tensor,
    targets: Tensor,
    steps: int,
    seed: int,
    told: Told,
) -> float:
    """Train a thumbnail synthesis by mean squared error.

    Args:
        thumbnail: of `new_thumbnail`.
        latents: (K, C, h, w), of `decoded_crops`.
        targets: (K, 3, 2h, 2w), of `decoded_crops`.
        steps: batches to train on, the learning rate falling to 0 with a cosine.
        seed: of the batches.
        told: how it goes.

    Returns:
        the mean squared error, in the mean of the last tenth of the steps.
    """
    thumbnail.fit(latents[:_FITTED], targets[:_FITTED])
    optimizer = torch.optim.Adam(thumbnail.correction.parameters(), lr=_LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    draws = torch.Generator().manual_seed(seed)
    losses: list[float] = []
    for step in range(1, steps + 1):
        drawn = torch.randint(len(latents), (BATCH,), generator=draws)
        loss = F.mse_loss(thumbnail(latents[drawn]), targets[drawn])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
        told(step, losses[-1])
    thumbnail.eval()
    return float(np.mean(losses[-max(1, steps // 10) :]))


def crops_of(images: ImageSet, size: int, count: int, seed: int) -> Iterator[Tensor]:
    """So many crops, in batches (B, 3, size, size), RGB in [0, 1]; no image is decoded twice.

    Raises:
        CorpusError: an image that can't be decoded.
    """
    rng = np.random.default_rng(seed)
    recipe = CropRecipe("random", size, _SCALE, mirror=True)
    order = rng.permutation(len(images))[:count]
    counts = np.diff(np.linspace(0, count, len(order) + 1).round().astype(int))
    for index, of_image in zip(order, counts, strict=True):
        image = images.read(int(index))
        crops = [draw_crop(image, recipe, rng) for _ in range(of_image)]
        for first in range(0, len(crops), _CODED_TOGETHER):
            yield to_batch(crops[first : first + _CODED_TOGETHER])


@torch.no_grad()
def decoded_crops(codec: LearnedCodec, crops: Tensor, channels: int) -> tuple[Tensor, Tensor]:
    """What a thumbnail synthesis sees of crops, and what it is to make of them.

    Args:
        codec: in evaluation mode.
        crops: (B, 3, H, W).
        channels: how many of the latent's.

    Returns:
        decoded latents (B, n, h, w), and the crops scaled down, (B, 3, H / 8, W / 8).
    """
    latents = codec.latent_coding.forward(codec.transform.analysis(crops)).values
    return latents[:, :channels].clone(), F.avg_pool2d(crops, SCALE).contiguous()
