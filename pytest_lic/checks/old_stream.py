"""One old bitstream: whether it decodes to the image that it decoded to, and what broke if not.

On the environment that wrote a stream its pixels are expected to the bit; elsewhere they may be off
by `TOLERANCE`, since a synthesis transform in floating point rounds differently.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from pytest_lic.baselines.comparison import Verdict
from pytest_lic.baselines.kept_streams import Kept, Stream
from pytest_lic.checks.agreement import first_pixel
from pytest_lic.codec import Codec, SupportsLatents, SupportsParts
from pytest_lic.container import is_container, unpack
from pytest_lic.errors import BitstreamError, CodecError, ForeignBitstreamError, FormatVersionError
from pytest_lic.images.corpus import Image
from pytest_lic.measuring import coding
from pytest_lic.measuring.grid import Cell
from pytest_lic.measuring.metrics.psnr import psnr
from pytest_lic.system.environment import Environment, differences

if TYPE_CHECKING:
    from numpy.typing import NDArray

TOLERANCE = 1
"""How many levels of 255 a sample may be off where the environment is not the recording one."""


ANOTHER_NETWORK = (
    "Weights drawn at random while building are others where instructions are others, even of one "
    "seed, and tables computed there may be: load both from a file"
)
"""What to do about a network that is another one on another machine."""


class Broke(StrEnum):
    """What no longer holds of an old bitstream."""

    FILE = "kept file"
    VERSION = "format version"
    HEADER = "header"
    FINGERPRINT = "model fingerprint"
    OTHER_WEIGHTS = "other weights"
    TABLES = "tables"
    WEIGHTS = "weights"
    DECODER = "decoder"
    PIXELS = "pixels"


@dataclass(frozen=True)
class Decoder:
    """What has to decode the old bitstreams of a cell: its codec, in this environment.

    ``format_version`` is the family's, now.
    """

    codec: Codec
    cell: Cell
    format_version: int
    environment: Environment


@dataclass(frozen=True)
class StreamFinding:
    """What one old bitstream gave; ``broke`` and ``text`` are None and empty where it holds.

    ``writer`` is the family that wrote it, where that is another than the decoder's.
    """

    image: str
    verdict: Verdict
    broke: Broke | None = None
    text: str = ""
    writer: str | None = None


def check(decoder: Decoder, kept: Kept, original: Image | None) -> StreamFinding:
    """Decode one old bitstream and compare the pixels.

    Args:
        decoder: of the quality that wrote it.
        kept: the bitstream.
        original: the image that was coded, for the PSNR, where it is still at hand.
    """
    stream, here = kept.stream, decoder.environment
    expected = Image(stream.image, kept.pixels)
    try:
        (decoded,) = coding.decode(decoder.codec, [kept.bitstream], [expected])
    except CodecError as error:
        broke, what = _refused(error, kept, decoder.format_version)
    else:
        distance = np.abs(decoded.astype(np.int16) - kept.pixels)
        if stream.format_version != decoder.format_version:
            broke = Broke.VERSION
            refusal = FormatVersionError(stream.format_version, decoder.format_version)
            what = f"{refusal} (this decoder took it all the same)"
        elif not distance.any():
            return StreamFinding(stream.image, Verdict.SAME)
        elif distance.max() <= TOLERANCE and stream.environment != here:
            return StreamFinding(stream.image, Verdict.WITHIN)
        else:
            same = _latents_hold(decoder.codec, kept, here)
            broke = Broke.TABLES if same is False else Broke.PIXELS
            what = _deviation(kept, decoded, original)
            if same is not None:
                what += "; the latents are the same" if same else "; the latents differ already"
    if broke is not Broke.VERSION:
        changed, alike = _parts(decoder.codec, stream)
        if broke is Broke.PIXELS and "tables" in changed:
            broke = Broke.TABLES
        elif broke is Broke.TABLES and "tables" in alike:
            broke = Broke.WEIGHTS if "weights" in changed else Broke.DECODER
        what += _parts_text(stream, changed, alike)
        if "weights" in changed and stream.environment.instructions != here.instructions:
            broke = Broke.OTHER_WEIGHTS
            what += f". {ANOTHER_NETWORK}"
    return StreamFinding(stream.image, Verdict.REGRESSED, broke, f"{what}; {_origin(stream, here)}")


def latents_digest(codec: Codec, bitstream: bytes) -> str | None:
    """Of the latents of one bitstream; None where the codec does not show them."""
    if not isinstance(codec, SupportsLatents):
        return None
    (latents,) = codec.decode_latents([bitstream])
    return coding.digest(latents.detach().cpu().numpy())


def _refused(error: CodecError, kept: Kept, format_version: int) -> tuple[Broke, str]:
    """What broke where the decoder raised, or returned no such image."""
    cause = error.__cause__
    words = str(error) if cause is None else str(cause) or type(cause).__name__
    written = kept.stream.format_version
    if isinstance(cause, FormatVersionError):
        return Broke.VERSION, words
    if written != format_version:
        refusal = FormatVersionError(written, format_version)
        return Broke.VERSION, f"{refusal} (this decoder only says: {words})"
    if not isinstance(cause, BitstreamError):
        return Broke.DECODER, words
    if not is_container(kept.bitstream):
        return Broke.HEADER, words
    if isinstance(cause, ForeignBitstreamError):
        return Broke.FINGERPRINT, words
    try:
        unpack(kept.bitstream)
    except BitstreamError:
        return Broke.HEADER, words
    return Broke.TABLES, f"entropy decoding failed: {words}"


def _deviation(kept: Kept, decoded: NDArray[np.uint8], original: Image | None) -> str:
    """How many samples are off, the first, the largest difference, and the PSNR then and now."""
    most = int(np.abs(decoded.astype(np.int16) - kept.pixels).max())
    apart = f" differ, by up to {most} levels of 255"
    text = first_pixel(kept.pixels, decoded, ("then", "now"), predicate=apart)
    text += f"; PSNR {math.inf if kept.stream.psnr is None else kept.stream.psnr:.3f} dB then"
    if original is not None and coding.digest(original.pixels) == kept.stream.original:
        text += f", {psnr(original.pixels, decoded):.3f} dB now"
    return text


def _latents_hold(codec: Codec, kept: Kept, here: Environment) -> bool | None:
    """Whether they are those of then; None where another machine rounds a mean its way."""
    if kept.stream.latents is None or kept.stream.environment != here:
        return None
    return latents_digest(codec, kept.bitstream) == kept.stream.latents


def _parts(codec: Codec, stream: Stream) -> tuple[dict[str, str], list[str]]:
    """The codec's parts that are others than then, with their digest, and those that are not."""
    now: Mapping[str, str] = codec.part_digests() if isinstance(codec, SupportsParts) else {}
    known = [part for part in stream.parts if part in now]
    changed = {part: now[part] for part in known if now[part] != stream.parts[part]}
    return changed, [part for part in known if part not in changed]


def _parts_text(stream: Stream, changed: Mapping[str, str], alike: Sequence[str]) -> str:
    changes = [
        f"; {part} changed since (was {stream.parts[part]}, is {digest})"
        for part, digest in changed.items()
    ]
    *most, last = alike or [""]
    kept = f"{', '.join(most)} and {last}" if most else last
    unchanged = f"; {kept} as they were" if kept else ""
    if alike and not changed:
        unchanged += ", so what changed is the decoder's code, or what it computes with"
    return "".join(changes) + unchanged


def _origin(stream: Stream, here: Environment) -> str:
    """Which commit and environment wrote a bitstream, and how this one differs."""
    changed = ", with uncommitted changes" if stream.changed else ""
    commit = f"commit {stream.commit[:10]}{changed}" if stream.commit else "no commit"
    then = stream.environment
    apart = differences(then, here)
    where = f"differs from this one in {', '.join(apart)}" if apart else "is this one"
    return f"written by {commit}; its environment, {then.digest}, {where}"
