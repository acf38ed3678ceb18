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
from pytest_lic.codec import Codec, SupportsEncoderLatents, SupportsLatents
from pytest_lic.errors import CodecError, DeterminismError, OutOfStepError, UnavailableError
from pytest_lic.images.corpus import Corpus, Image, batches
from pytest_lic.measuring import coding
from pytest_lic.measuring.grid import Cell
from pytest_lic.system.process_memory import memory_bytes
from pytest_lic.system.words import plural

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BATCH_SIDE = 256  # pixels; the batch check needs two equally large images, not large ones


@dataclass(frozen=True)
class CodedBatch:
    """One batch with what the encoder and the decoder of this process made of it.

    ``resident`` is this process's memory in bytes after it; None where the system does not tell.
    """

    images: tuple[Image, ...]
    bitstreams: list[bytes]
    pixels: list[NDArray[np.uint8]]
    resident: int | None = None


def code(codec: Codec, cell: Cell, corpus: Corpus) -> list[CodedBatch]:
    """Encode and decode every batch of a corpus in this process."""
    coded = []
    for images in batches(corpus, cell.setting.batch):
        bitstreams = coding.encode(codec, images, cell.setting.device)
        pixels = coding.decode(codec, bitstreams, images)
        coded.append(CodedBatch(images, bitstreams, pixels, memory_bytes("VmRSS")))
    return coded


def check_in_step(codec: Codec, cell: Cell, coded: Sequence[CodedBatch]) -> None:
    """The decoder's latents are the encoder's, where the codec shows both."""
    if not isinstance(codec, SupportsEncoderLatents):
        return
    for batch in coded:
        written = codec.encode_latents(coding.image_batch(batch.images, cell.setting.device))
        read = codec.decode_latents(batch.bitstreams)
        sides = [
            decodings(batch.pixels, [latent.detach().cpu().numpy() for latent in latents])
            for latents in (written, read)
        ]
        for image, one, other in zip(batch.images, *sides, strict=True):
            kind, difference = agreement(one, other, ("encoded", "decoded"))
            if kind is Agreement.BROKEN:
                raise OutOfStepError(f"{image.name}: out of step in one process: {difference}")


def check_repeat(codec: Codec, cell: Cell, coded: Sequence[CodedBatch]) -> None:
    """The same bits twice, and the same pixels twice, in one process."""
    for batch in coded:
        again = coding.encode(codec, batch.images, cell.setting.device)
        _same_bits(batch.images, batch.bitstreams, again, "encoded twice in one process")
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


def check_batch(codec: Codec, cell: Cell, corpus: Corpus) -> str | None:
    """An image's bits, and its reconstruction, do not depend on the images beside it.

    The first image is coded alone and between three different companions, one before and one
    behind it, since what an image leaves behind may reach only those that come after it. Other
    bits between other companions are structural: images influence each other. Other bits only
    when alone are numerical: kernels for another batch size rounded a tie the other way.

    Returns:
        A remark where the bits or the pixels depend on the batch numerically, else None.

    Raises:
        DeterminismError: images influence each other, or the bits change from call to call.
    """
    subject = _cropped(corpus.images[0])
    turned = np.ascontiguousarray(subject.pixels[::-1, ::-1])
    companion = Image("turned companion", turned)
    negative = Image("negative companion", np.subtract(255, turned, dtype=np.uint8))
    white = Image("white companion", np.full_like(turned, 255))
    device = cell.setting.device
    alone = coding.encode(codec, [subject], device)
    company = [companion, subject, companion]
    first = coding.encode(codec, company, device)
    again = coding.encode(codec, company, device)
    _same_bits(company, first, again, "encoded twice in one process")
    beside = first[1]
    for stranger in (negative, white):
        other = coding.encode(codec, [stranger, subject, stranger], device)[1]
        if beside != other:
            raise DeterminismError(
                f"{subject.name}: images influence each other (structural): its bitstream changes "
                f"with the images beside it in the batch: {_first_byte(beside, other)}"
            )
    twice = coding.encode(codec, [subject], device)
    _same_bits([subject], alone, twice, "encoded twice in one process")
    together = coding.decode(codec, first, company)[1].astype(np.int16)
    separate = coding.decode(codec, [beside], [subject])[0].astype(np.int16)
    apart = np.abs(together - separate).max()
    if apart > 1:
        raise DeterminismError(
            f"{subject.name}: images influence each other (structural): decoded in a batch and "
            f"alone, its pixels differ by up to {apart} levels of 255"
        )
    if alone[0] != beside:
        pixels = coding.decode(codec, alone, [subject])[0].astype(np.int16)
        return (
            f"{subject.name}: bits depend on the batch size (numerical, not on the other images): "
            f"{_first_byte(alone[0], beside)}; pixels differ by up to "
            f"{np.abs(pixels - separate).max()} levels"
        )
    if apart:
        return f"{subject.name}: pixels depend on the batch size, by one level (numerical)"
    return None


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


def _same_bits(
    images: Sequence[Image], first: Sequence[bytes], second: Sequence[bytes], where: str
) -> None:
    for image, one, other in zip(images, first, second, strict=True):
        if one != other:
            raise DeterminismError(
                f"{image.name}: {where}, gave different bits each time: {_first_byte(one, other)}"
            )


def _cropped(image: Image) -> Image:
    return Image(image.name, np.ascontiguousarray(image.pixels[:_BATCH_SIDE, :_BATCH_SIDE]))


def _first_byte(one: bytes, other: bytes) -> str:
    shorter = min(len(one), len(other))
    place = next((i for i in range(shorter) if one[i] != other[i]), shorter)
    return f"{len(one)} and {len(other)} bytes, first difference at byte {place}"
