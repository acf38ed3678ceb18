"""Whether the same input gives the same bits and the same pixels, here and elsewhere.

Each check returns quietly, returns a remark, or raises `DeterminismError` or `OutOfStepError` with
the first place of difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from pytest_lic.checks.agreement import Agreement, agreement, decodings, first_pixel
from pytest_lic.checks.fresh_process import DecodedBatch, EncodedBatch, EndedError, FreshProcess
from pytest_lic.checks.hidden_inputs import check_touched, culprits
from pytest_lic.checks.same_bits import first_byte, same_bits
from pytest_lic.codec import Codec, SupportsEncoderLatents, SupportsLatents
from pytest_lic.errors import CodecError, DeterminismError, OutOfStepError, UnavailableError
from pytest_lic.images.corpus import Corpus, Image, batches
from pytest_lic.measuring import coding
from pytest_lic.measuring.grid import Cell
from pytest_lic.measuring.metrics.psnr import psnr
from pytest_lic.system.process_memory import memory_bytes, open_handles
from pytest_lic.system.words import plural

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Encoded with other threads: what an analysis that rounds otherwise may change at most.
_FEW_BYTES = 16
_MUCH = 0.05  # of a bitstream's length
_ROUNDING = 6.0  # dB
_COARSE = 20.0  # dB; below, two pictures of one image may be anything


@dataclass(frozen=True)
class CodedBatch:
    """One batch with what the encoder and the decoder of this process made of it.

    ``resident`` is this process's memory in bytes after it, ``handles`` how many files it holds
    open; None where the system does not tell.
    """

    images: tuple[Image, ...]
    bitstreams: list[bytes]
    pixels: list[NDArray[np.uint8]]
    resident: int | None = None
    handles: int | None = None


def code(codec: Codec, cell: Cell, corpus: Corpus) -> list[CodedBatch]:
    """Encode and decode every batch of a corpus in this process."""
    coded = []
    for images in batches(corpus, cell.setting.batch):
        bitstreams = coding.encode(codec, images, cell.setting.device)
        pixels = coding.decode(codec, bitstreams, images)
        memory, handles = memory_bytes("VmRSS"), open_handles()
        coded.append(CodedBatch(images, bitstreams, pixels, memory, handles))
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
) -> str | None:
    """The same pixels from the bitstreams alone, and the same bits, in a process of its own.

    It decodes first, so that it never saw the encoder.

    Returns:
        A remark on what the codec touched there beside its input, else None.
    """
    try:
        decoded = _decode_elsewhere(cell, coded, fresh, threads, latents=False)
    except EndedError:
        raise
    except CodecError as error:
        why = culprits(fresh, partial(_decoded, cell, coded, threads))
        raise CodecError(f"{error}{why}") from error
    encoded = _encode_elsewhere(cell, coded, fresh, threads)
    remark = check_touched([batch.images for batch in coded], decoded, encoded)
    for batch, answer in zip(coded, decoded, strict=True):
        pixels = checked(answer.decoded, batch.images)
        for image, here, there in zip(batch.images, batch.pixels, pixels, strict=True):
            if not np.array_equal(here, there):
                fresh.disagreed.add((cell.family, cell.quality))
                why = culprits(fresh, partial(_decoded, cell, [batch], threads))
                raise DeterminismError(
                    f"{image.name}: a fresh process decoded other pixels from the same bitstream: "
                    f"{first_pixel(here, there)}; the bitstream does not hold all that the "
                    f"decoder used here{why}"
                )
    for batch, other in zip(coded, encoded, strict=True):
        if other.bitstreams != batch.bitstreams:
            why = culprits(fresh, partial(_encoded, cell, [batch], threads))
            where = "encoded here and in a fresh process"
            same_bits(batch.images, batch.bitstreams, other.bitstreams, where, why)
    return remark


def check_threads(
    codec: Codec, cell: Cell, coded: Sequence[CodedBatch], fresh: FreshProcess, threads: int
) -> str | None:
    """The same latents, and pixels within one 8-bit level, with another number of threads.

    The first images are encoded so too. Other bits are what an analysis in floating point gives,
    and decode to about the same image, of about the same length.

    Returns:
        A remark where some pixels differ by one level, or the bits do, else None.
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
                why = ""
                if (cell.family, cell.quality) in fresh.disagreed:
                    why = "; as in a fresh process with the same number of threads: it is not they"
                raise OutOfStepError(f"{image.name}: {where}, out of step: {difference}{why}")
            shifted += kind is Agreement.WITHIN
    images = sum(len(batch.images) for batch in coded)
    remarks = [f"{where}: {shifted} of {images} images differ by one level"] if shifted else []
    remarks += _encoded_with_threads(codec, cell, coded[0], fresh, threads)
    return "; ".join(remarks) or None


def _encoded_with_threads(
    codec: Codec, cell: Cell, batch: CodedBatch, fresh: FreshProcess, threads: int
) -> list[str]:
    """A remark where a batch has other bits when it is encoded with other threads.

    Raises:
        DeterminismError: they are another image's, or much more or fewer.
    """
    (other,) = _encode_elsewhere(cell, [batch], fresh, threads)
    if other.bitstreams == batch.bitstreams:
        return []
    pixels = coding.decode(codec, other.bitstreams, batch.images)
    for image, one, two, here, there in zip(
        batch.images, batch.bitstreams, other.bitstreams, batch.pixels, pixels, strict=True
    ):
        if one == two:
            continue
        text = f"{image.name}: encoded with {plural(threads, 'thread')}, other bits: "
        text += first_byte(one, two)
        longer = abs(len(one) - len(two))
        same = np.array_equal(here, there)
        if longer > (_FEW_BYTES if same else max(_FEW_BYTES, _MUCH * len(one))):
            raise DeterminismError(f"{text}; rounding explains no such length (structural)")
        # Two roundings of one image are both as near to it, and about that near to each other.
        loss = max(psnr(image.pixels, here), _COARSE)
        if psnr(here, there) < loss - _ROUNDING:
            raise DeterminismError(
                f"{text}; decoded, they are {psnr(here, there):.1f} dB apart, further than from "
                f"the image ({loss:.1f} dB): rounding explains no such picture (structural)"
            )
        if same:
            return [f"{text}; yet the same pixels: look for the number of threads in them"]
        levels = int(np.abs(here.astype(np.int16) - there).max())
        return [f"{text}; pixels differ by up to {levels} levels (numerical)"]
    return []


def _decode_elsewhere(
    cell: Cell, coded: Sequence[CodedBatch], fresh: FreshProcess, threads: int, *, latents: bool
) -> list[DecodedBatch]:
    """What a fresh process decodes, last batch first: no decoder may depend on the order."""
    with _available_there():
        answers = fresh.decode(
            *(cell.family, cell.quality, cell.setting.device),
            [batch.bitstreams for batch in reversed(coded)],
            [[image.name for image in batch.images] for batch in reversed(coded)],
            threads=threads,
            latents=latents,
            unprepared=not latents,
        )
    return answers[::-1]


def _encode_elsewhere(
    cell: Cell, coded: Sequence[CodedBatch], fresh: FreshProcess, threads: int
) -> list[EncodedBatch]:
    with _available_there():
        return fresh.encode_batches(
            *(cell.family, cell.quality, cell.setting.device),
            [batch.images for batch in coded],
            threads=threads,
        )


@contextmanager
def _available_there() -> Iterator[None]:
    try:
        yield
    except UnavailableError as error:  # but it could be built here
        raise CodecError(f"in a fresh process: {error}") from error


def _decoded(
    cell: Cell, coded: Sequence[CodedBatch], threads: int, process: FreshProcess
) -> list[str]:
    answers = _decode_elsewhere(cell, coded, process, threads, latents=False)
    return [coding.digest(batch.decoded) for batch in answers]


def _encoded(
    cell: Cell, coded: Sequence[CodedBatch], threads: int, process: FreshProcess
) -> list[list[bytes]]:
    return [batch.bitstreams for batch in _encode_elsewhere(cell, coded, process, threads)]


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
