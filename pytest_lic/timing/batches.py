"""The batches that are timed: random images, or cut from a corpus, of the exact size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from pytest_lic.codec import Codec
from pytest_lic.errors import CorpusError
from pytest_lic.images.corpus import RANDOM, Image, load_corpus
from pytest_lic.measuring import coding
from pytest_lic.measuring.grid import Setting

if TYPE_CHECKING:
    from torch import Tensor

_Item = TypeVar("_Item")

SEED = 0
"""Of the first random image; each further one has the next."""


@dataclass(frozen=True)
class TimedBatch:
    """One batch of images, on its device too, and the bitstreams that were checked to decode."""

    images: tuple[Image, ...]
    batch: Tensor
    bitstreams: Sequence[bytes]


def timed_images(setting: Setting, corpus: str | None) -> tuple[Image, ...]:
    """One batch of images of N × N pixels.

    Args:
        setting: its resolution and batch.
        corpus: what to crop from, as the user called it; None for random images. Of a corpus with
            fewer images than the batch, the first ones come again.

    Raises:
        CorpusError: no such corpus, or images in it that are smaller than N × N.
    """
    side = int(setting.resolution)
    if corpus is None:
        return tuple(random_image(side, index) for index in range(setting.batch))
    loaded = load_corpus(corpus, setting.resolution)
    if loaded.left_out:
        raise CorpusError(
            f"--lic-corpus {corpus}: too small for {side}×{side} pixels: "
            f"{', '.join(loaded.left_out)}; give a smaller --lic-resolution, or other images"
        )
    return tuple(loaded.images[index % len(loaded.images)] for index in range(setting.batch))


def random_image(side: int, index: int) -> Image:
    """Image ``index`` of uniform noise (``torch.rand``), rounded to 8 bits, the same each time."""
    import torch

    generator = torch.Generator().manual_seed(SEED + index)
    values = torch.rand((side, side, 3), generator=generator)
    pixels = (values * 255).round().to(torch.uint8).numpy()
    pixels = np.ascontiguousarray(pixels)
    pixels.setflags(write=False)
    return Image(f"{RANDOM}{index}", pixels)


def spread(items: Sequence[_Item], most: int) -> list[_Item]:
    """At most so many of them, from all over."""
    count = min(len(items), most)
    return [items[index * len(items) // count] for index in range(count)]


def checked_batch(codec: Codec, images: Sequence[Image], device: str) -> TimedBatch:
    """The batch with its bitstreams, after a round trip whose every promise was checked.

    Raises:
        CodecError: a codec that does not code rightly; its times would mean nothing.
    """
    bitstreams = coding.encode(codec, images, device)
    coding.decode(codec, bitstreams, images)
    return TimedBatch(tuple(images), coding.image_batch(images, device), bitstreams)
