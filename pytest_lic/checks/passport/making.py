"""One operating point's images coded and decoded here, and what both computed kept."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_lic.adapters.network.decoder_stages import decoder_stages
from pytest_lic.checks.passport.pack import PackedCodec, PackedImage, PackWriter
from pytest_lic.checks.passport.stage_record import LATENTS, PIXELS, StageRecord, as_array, recorded
from pytest_lic.codec import (
    Codec,
    SupportsDecoderStages,
    SupportsLatents,
    SupportsParts,
    SupportsStages,
)
from pytest_lic.errors import CodecError
from pytest_lic.images.corpus import Image
from pytest_lic.measuring import coding
from pytest_lic.measuring.grid import Cell

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor


ENCODER = ("analysis", "hyper-analysis")
"""The stages that an encoder alone has."""


@dataclass
class Traced:
    """What decoding one bitstream computed: stage → values, as far as it came, and why no further.

    The last stage is ``pixels``, 8-bit RGB (H, W, 3), where decoding came to its end.
    """

    stages: dict[str, NDArray[Any]] = field(default_factory=dict)
    failure: str = ""


def traced(codec: Codec, bitstream: bytes, name: str, height: int, width: int) -> Traced:
    """Decode one bitstream, and note what is computed on the way.

    Args:
        codec: the decoder.
        bitstream: of one image.
        name: of the image.
        height: of the image, which the reconstruction must have.
        width: likewise.
    """
    found = Traced()
    image = Image(name, np.broadcast_to(np.uint8(0), (height, width, 3)))
    try:
        with coding.blamed("decoder", name):
            for stage, tensor in _stages(codec, bitstream):
                found.stages[stage] = as_array(tensor)
        (pixels,) = coding.decode(codec, [bitstream], [image])
        found.stages[PIXELS] = pixels
    except CodecError as error:
        found.failure = str(error)
    return found


def encoded(codec: Codec, image: Image, device: str) -> tuple[bytes, dict[str, NDArray[Any]]]:
    """The bitstream of one image, and what its encoder computed on the way: stage → values.

    Raises:
        CodecError: it can't be encoded.
    """
    parts = codec.stages() if isinstance(codec, SupportsStages) else {}
    streams: list[bytes] = []
    noted = decoder_stages(
        codec,
        {stage: parts[stage] for stage in ENCODER if stage in parts},
        lambda: streams.extend(coding.encode(codec, [image], device)),
    )
    stages = {stage: as_array(tensor) for stage, tensor in noted}
    return streams[0], stages


def source_digest(image: Image) -> str:
    """Of an image's pixels."""
    return hashlib.sha256(np.ascontiguousarray(image.pixels).tobytes()).hexdigest()[:16]


def part_digests(codec: Codec) -> dict[str, str]:
    """Those of the codec's parts; none where it doesn't tell."""
    return dict(codec.part_digests()) if isinstance(codec, SupportsParts) else {}


def packed(
    writer: PackWriter, number: int, codec: Codec, cell: Cell, images: Sequence[Image]
) -> PackedCodec:
    """Code images, one by one, into a pack.

    Args:
        writer: of the pack.
        number: of this codec in the pack.
        codec: of the cell.
        cell: what is coded; its batch counts for nothing.
        images: what to code.

    Raises:
        CodecError: an image that can't be coded, or does not decode here.
    """
    in_pack = []
    for place, image in enumerate(images):
        bitstream, computed = encoded(codec, image, cell.setting.device)
        found = traced(codec, bitstream, image.name, image.height, image.width)
        if found.failure:
            raise CodecError(f"{cell.id} does not decode where it was encoded: {found.failure}")
        stem = f"{number}-{place}"
        writer.add(f"{stem}.bin", bitstream)
        in_pack.append(
            PackedImage(
                image.name,
                image.height,
                image.width,
                f"{stem}.bin",
                _kept(writer, found.stages, stem),
                _kept(writer, computed, f"{stem}-encoder"),
                source_digest(image),
            )
        )
    return PackedCodec(cell.family, cell.quality, part_digests(codec), tuple(in_pack))


def _kept(
    writer: PackWriter, stages: Mapping[str, NDArray[Any]], stem: str
) -> tuple[StageRecord, ...]:
    records: list[StageRecord] = []
    for stage, values in stages.items():
        record, content = recorded(stage, values, f"{stem}-{len(records)}.raw")
        writer.add(record.member, content)
        records.append(record)
    return tuple(records)


def _stages(codec: Codec, bitstream: bytes) -> Iterator[tuple[str, Tensor]]:
    """What a codec shows of its decoder, by the most telling way that it has."""
    if isinstance(codec, SupportsDecoderStages):
        yield from codec.decode_stages(bitstream)
    elif isinstance(codec, SupportsStages) and codec.stages():
        yield from decoder_stages(codec, codec.stages(), lambda: codec.decode([bitstream]))
    elif isinstance(codec, SupportsLatents):
        (latents,) = codec.decode_latents([bitstream])
        yield LATENTS, latents
