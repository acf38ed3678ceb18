"""Whether the first bytes of a stream give a picture, and a longer part no worse one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from pytest_lic.checks.determinism import CodedBatch
from pytest_lic.codec import SupportsPasses
from pytest_lic.errors import CodecError
from pytest_lic.images.corpus import Image
from pytest_lic.measuring import coding
from pytest_lic.measuring.metrics.psnr import psnr

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST = 0.1
"""dB that an image's PSNR may fall by when more of its stream is decoded."""
_LOSSLESS = 100.0
PARTS = 5
"""How many parts of each stream are decoded at most; a raster scan has thousands of passes."""


@dataclass(frozen=True)
class PartOfStream:
    """What a part of the streams gives, in the mean of all images.

    Attributes:
        passes: share of the passes that are decoded, up to 1.
        size: bytes of a bitstream.
        psnr: dB, of a lossless image 100.
    """

    passes: float
    size: float
    psnr: float


def passes_of(codec: object, coded: Sequence[CodedBatch]) -> list[Sequence[int]] | None:
    """The lengths of all parts of each stream; None where a codec decodes all at once.

    Raises:
        CodecError: lengths that can't be those of parts.
    """
    if not isinstance(codec, SupportsPasses):
        return None
    lengths: list[Sequence[int]] = []
    for image, bitstream in _streams(coded):
        with coding.blamed("pass_lengths", image.name):
            of_stream = list(codec.pass_lengths(bitstream))
        rising = sorted(of_stream) == of_stream
        if not of_stream or not rising or of_stream[0] < 1 or of_stream[-1] != len(bitstream):
            raise CodecError(
                f"pass_lengths returned {_shortened(of_stream)} for {image.name}; expected rising "
                f"lengths, of which the last is the bitstream's {len(bitstream)}"
            )
        lengths.append(of_stream)
    return lengths if any(len(of_stream) > 1 for of_stream in lengths) else None


def check_parts(
    codec: SupportsPasses, coded: Sequence[CodedBatch], lengths: Sequence[Sequence[int]]
) -> tuple[PartOfStream, ...]:
    """Decode parts of every stream, the shortest first.

    Args:
        codec: under test.
        coded: its streams.
        lengths: what `passes_of` gave for them.

    Raises:
        CodecError: a part that does not decode, one that gives a worse picture than a shorter one
            by more than `MOST`, or all passes giving another picture than the whole stream.
    """
    streams = list(_streams(coded))
    rows = min(PARTS, max(map(len, lengths)))  # of a stream of fewer passes some come twice
    found = np.array(
        [
            list(_parts(codec, image, bitstream, of_stream, rows))
            for (image, bitstream), of_stream in zip(streams, lengths, strict=True)
        ]
    )
    return tuple(PartOfStream(*map(float, row)) for row in found.mean(0))


def _parts(
    codec: SupportsPasses, image: Image, bitstream: bytes, lengths: Sequence[int], rows: int
) -> Iterator[tuple[float, int, float]]:
    """Share of the passes, bytes and dB of so many parts of a stream."""
    count, before = len(lengths), None
    pixels: NDArray[np.uint8] | None = None
    for row in range(1, rows + 1):
        passes = -(-count * row // rows)
        part = bitstream[: lengths[passes - 1]]
        where = f"{image.name}, the first {passes} of {count} passes ({len(part)} bytes)"
        try:
            pixels = _decoded(codec, part, image, passes)
        except CodecError as error:
            raise CodecError(f"{where}: {error}") from error
        quality = psnr(image.pixels, pixels)
        if before is not None and quality < before - MOST:
            raise CodecError(
                f"{where}: PSNR falls from {before:.2f} dB with fewer passes to {quality:.2f} dB; "
                f"more of a stream may cost {MOST} dB at most: look at what is put in place of "
                "what is not decoded, and at the order of the passes"
            )
        before = quality if before is None else max(before, quality)
        yield passes / count, len(part), min(quality, _LOSSLESS)
    whole = _decoded(codec, bitstream, image, None)
    if pixels is None or not np.array_equal(pixels, whole):
        raise CodecError(
            f"{image.name}: decoding all {count} passes one by one gives another picture than "
            "decoding the whole stream; expected the same to the bit"
        )


def _decoded(
    codec: SupportsPasses, bitstream: bytes, image: Image, passes: int | None
) -> NDArray[np.uint8]:
    decode = codec.decode if passes is None else partial(codec.decode, passes=passes)
    with coding.blamed("decoder", image.name):
        decoded = decode([bitstream])
    return coding.check_decoded(decoded, [image])[0]


def _streams(coded: Sequence[CodedBatch]) -> Iterator[tuple[Image, bytes]]:
    for batch in coded:
        yield from zip(batch.images, batch.bitstreams, strict=True)


def _shortened(lengths: Sequence[int]) -> str:
    return str(list(lengths)) if len(lengths) < 9 else f"{list(lengths[:8])}…"
