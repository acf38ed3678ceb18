"""The images that times are taken on: random, or cut from a corpus; always of the exact size."""

from __future__ import annotations

import numpy as np

from pytest_lic.corpus import RANDOM, Image, load_corpus
from pytest_lic.errors import CorpusError
from pytest_lic.grid import Setting

SEED = 0
"""Of the first random image; each further one has the next."""


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
