"""Whether the same input gives the same bits and the same pixels, here and elsewhere.

Each check returns quietly, returns a remark, or raises `DeterminismError` or `OutOfStepError` with
the first place of difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pytest_lic.checks.agreement import Agreement, agreement, decodings, first_pixel
from pytest_lic.checks.fresh_process import DecodedBatch, FreshProcess
from pytest_lic.checks.same_bits import same_bits
from pytest_lic.codec import Codec, SupportsLatents
from pytest_lic.errors import CodecError, DeterminismError, OutOfStepError, UnavailableError
from pytest_lic.images.corpus import Corpus, Image, batches
from pytest_lic.measuring import coding
from pytest_lic.measuring.grid import Cell
from pytest_lic.system.words import plural

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class CodedBatch:
    """One batch with what the encoder and the decoder of this process made of it."""

    images: tuple[Image, ...]
    bitstreams: list[bytes]
    pixels: list[NDArray[np.uint8]]


def code(codec: Codec, cell: Cell, corpus: Corpus) -> list[CodedBatch]:
    """Encode and decode every batch of a corpus in this process."""
    coded = []
    for images in batches(corpus, cell.setting.batch):
        bitstreams = coding.encode(codec, images, cell.setting.device)
        coded.append(CodedBatch(images, bitstreams, coding.decode(codec, bitstreams, images)))
    return coded


def check_repeat(codec: Codec, cell: Cell, coded: Sequence[CodedBatch]) -> None:
    """The same bits twice, and the same pixels twice, in one process."""
    for batch in coded:
        again = coding.encode(codec, batch.images, cell.setting.device)
        same_bits(batch.images, batch.bitstreams, again, "encoded twice in one process")
    # The other way round: a decoder must not depend on what it decoded before.
    for batch in reversed(coded):
        pixels = coding.decode(codec, batch.bitstreams, batch.images)
        for image, first, second in zip(batch.images, batch.pixels, pixels, strict=True):
            if not np.array_equal(first, second):
                raise DeterminismError(
                    f"{image.name}: decoded twice in one process, gave other pixels: "
                    f"{first_pixel(first, second)}"
                )


def check_fresh_process(
    cell: Cell, coded: Sequence[CodedBatch], fresh: FreshProcess, threads: int
) -> None:
    """The same pixels from the bitstreams alone, in a process that never saw the encoder."""
    elsewhere = _decode_elsewhere(cell, coded, fresh, threads, latents=False)
    for batch, answer in zip(coded, elsewhere, strict=True):
        pixels = checked(answer.decoded, batch.images)
        for image, here, there in zip(batch.images, batch.pixels, pixels, strict=True):
            if not np.array_equal(here, there):
                raise DeterminismError(
                    f"{image.name}: a fresh process decoded other pixels from the same bitstream: "
                    f"{first_pixel(here, there)}; the bitstream does not hold all that the "
                    "decoder used here"
                )


def check_threads(
    codec: Codec, cell: Cell, coded: Sequence[CodedBatch], fresh: FreshProcess, threads: int
) -> str | None:
    """The same latents, and pixels within one 8-bit level, with another number of threads.

    Returns:
        A remark where some pixels differ by one level, else None.
    """
    elsewhere = _decode_elsewhere(cell, coded, fresh, threads, latents=True)
    where = f"decoded with {plural(threads, 'thread')}"
    shifted = 0
    for batch, answer in zip(coded, elsewhere, strict=True):
        own_latents = None
        if answer.latents is not None and isinstance(codec, SupportsLatents):
            shown = codec.decode_latents(batch.bitstreams)
            own_latents = [latent.detach().cpu().numpy() for latent in shown]
        here = decodings(batch.pixels, own_latents)
        there = decodings(checked(answer.decoded, batch.images), answer.latents)
        for image, one, other in zip(batch.images, here, there, strict=True):
            kind, difference = agreement(one, other)
            if kind is Agreement.BROKEN:
                raise OutOfStepError(f"{image.name}: {where}, out of step: {difference}")
            shifted += kind is Agreement.WITHIN
    images = sum(len(batch.images) for batch in coded)
    return f"{where}: {shifted} of {images} images differ by one level" if shifted else None


def _decode_elsewhere(
    cell: Cell, coded: Sequence[CodedBatch], fresh: FreshProcess, threads: int, *, latents: bool
) -> list[DecodedBatch]:
    """What a fresh process decodes, last batch first: no decoder may depend on the order."""
    try:
        answers = fresh.decode(
            cell.family,
            cell.quality,
            cell.setting.device,
            [batch.bitstreams for batch in reversed(coded)],
            threads=threads,
            latents=latents,
        )
    except UnavailableError as error:  # but it could be built here
        raise CodecError(f"in a fresh process: {error}") from error
    return answers[::-1]


def checked(decoded: NDArray[np.float32], images: Sequence[Image]) -> list[NDArray[np.uint8]]:
    """8-bit RGB, each (H, W, 3), from what a decoder returned in a fresh process.

    Raises:
        CodecError: it broke a promise of `Codec.decode`.
    """
    import torch

    try:
        return coding.check_decoded(torch.from_numpy(decoded), images)
    except CodecError as error:
        raise CodecError(f"in a fresh process: {error}") from error
