"""The child's side of `memory`: codes images in a process that does nothing else, and weighs it."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from functools import partial
from itertools import combinations
from statistics import median
from typing import TYPE_CHECKING, Any

from pytest_lic.errors import Unavailable, UnavailableError
from pytest_lic.images.corpus import Image, load_corpus
from pytest_lic.measuring import coding
from pytest_lic.project import family_calls
from pytest_lic.project.codec_child import CodecServer
from pytest_lic.system.child_process import Answer
from pytest_lic.timing.batches import checked_batch
from pytest_lic.timing.peak_memory import held_memory, peak_memory

if TYPE_CHECKING:
    from pytest_lic.codec import Codec

SIDES = (256, 512)
"""Pixels on each side of the images whose peaks are taken, crops of a photograph."""
ROUNDS = 3
"""Of each peak, whose median counts; a round before warms up."""
WARM_UP, IMAGES = 4, 16
"""Images before growth is looked at, and those with which it is."""


class MemoryServer(CodecServer):
    """Answers what one codec takes; a codec that was asked for before would be in the way."""

    def measure(self, family: str, quality: str, device: str, threads: int) -> Answer:
        """A `Memory` as JSON; a codec, or a number, that can't be had is no error."""
        import torch

        torch.set_num_threads(threads)
        try:
            codec = family_calls.build(self.families[family], quality, device)
            gc.freeze()  # what lives on need not be searched for cycles at each reading
            peaks = _peaks(codec, device)
            growth = _growth(codec, device)
        except UnavailableError as error:
            return {"unavailable": str(error)}
        return {side: {"peaks": peaks[side], "growth": growth[side]} for side in peaks}


def _peaks(codec: Codec, device: str) -> dict[str, dict[str, int]]:
    """Of each side of the codec, by the side of the image."""
    peaks: dict[str, dict[str, int]] = {"encoder": {}, "decoder": {}}
    for side in SIDES:
        image = load_corpus("photos", str(side)).images[0]
        coded = checked_batch(codec, [image], device)
        rounds: dict[str, Callable[[], object]] = {
            "encoder": partial(codec.encode, coded.batch),
            "decoder": partial(codec.decode, list(coded.bitstreams)),
        }
        for name, work in rounds.items():
            with family_calls.blamed(f"{name}, {side}×{side}"):
                taken = [_known(_peak(device, work)) for _ in range(ROUNDS)]
            peaks[name][str(side)] = max(0, round(median(taken)))
    return peaks


def _peak(device: str, work: Callable[[], object]) -> int | Unavailable:
    held = held_memory(device)  # collects what only cycles hold
    if isinstance(held, Unavailable):
        return held
    peak = peak_memory(device, work)
    return peak if isinstance(peak, Unavailable) else peak.added_bytes


def _growth(codec: Codec, device: str) -> dict[str, int]:
    """By how many bytes each side of the codec grows with each image.

    Each is an image of its own that is new to the encoder, or what a codec remembers of one would
    be kept but once; and nothing else holds it, or a codec that keeps it would add nothing.
    """
    photograph = load_corpus("photos", str(SIDES[0])).images[0]
    images = [_rolled(photograph, index) for index in range(WARM_UP + IMAGES)]

    def encode(image: Image) -> list[bytes]:
        return codec.encode(coding.image_batch([image], device))

    with family_calls.blamed("coding many images"):
        encoder = _slope([_held_after(device, encode, image) for image in images])
        streams = [encode(image) for image in images]
        decoder = _slope([_held_after(device, codec.decode, one) for one in streams])
    return {"encoder": encoder, "decoder": decoder}


def _rolled(image: Image, rows: int) -> Image:
    import numpy as np

    return Image(f"{image.name} {rows}", np.roll(image.pixels, rows, axis=0))


def _held_after(device: str, work: Callable[[Any], object], argument: Any) -> int:
    work(argument)
    return _known(held_memory(device))


def _slope(held: Sequence[int]) -> int:
    """The median slope of all pairs behind the warm-up, which single jumps don't move.

    P. K. Sen, Estimates of the regression coefficient based on Kendall's tau, 1968.
    """
    pairs = combinations(enumerate(held[WARM_UP:]), 2)
    return round(median((late - early) / (j - i) for (i, early), (j, late) in pairs))


def _known(number: int | Unavailable) -> int:
    if isinstance(number, Unavailable):
        raise UnavailableError(number.reason)
    return number
