"""Whether old bitstreams still decode to the images that they decoded to, and what broke if not.

On the environment that wrote a stream its pixels are expected to the bit; elsewhere they may be off
by `TOLERANCE`, since a synthesis transform in floating point rounds differently.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pytest_lic.baselines.comparison import Comparison, Verdict
from pytest_lic.baselines.kept_streams import Kept, Stream, read
from pytest_lic.codec import Codec, SupportsLatents, SupportsParts
from pytest_lic.container import is_container, unpack
from pytest_lic.errors import (
    BaselineError,
    BitstreamError,
    CodecError,
    ForeignBitstreamError,
    FormatVersionError,
)
from pytest_lic.images.corpus import Corpus, Image
from pytest_lic.measuring import coding
from pytest_lic.measuring.grid import Cell
from pytest_lic.measuring.metrics.psnr import psnr
from pytest_lic.project import family_calls
from pytest_lic.system.environment import Environment, differences
from pytest_lic.system.git import Commit

if TYPE_CHECKING:
    from numpy.typing import NDArray

TOLERANCE = 1
"""How many levels of 255 a sample may be off where the environment is not the recording one."""


class Broke(StrEnum):
    """What no longer holds of an old bitstream."""

    FILE = "kept file"
    VERSION = "format version"
    HEADER = "header"
    FINGERPRINT = "model fingerprint"
    TABLES = "tables"
    DECODER = "decoder"
    PIXELS = "pixels"


@dataclass(frozen=True)
class Finding:
    """What one old bitstream gave; ``broke`` and ``text`` are None and empty where it holds."""

    image: str
    verdict: Verdict
    broke: Broke | None = None
    text: str = ""

    def to_json(self) -> dict[str, str | None]:
        """A JSON object."""
        broke = None if self.broke is None else self.broke.value
        return {
            "image": self.image,
            "verdict": self.verdict.value,
            "broke": broke,
            "text": self.text,
        }


@dataclass(frozen=True)
class Examined:
    """What the old bitstreams of one cell gave, and what is to be kept from now on.

    ``lacking`` names the images of which no bitstream is kept; ``new`` is empty unless the run
    records.
    """

    findings: tuple[Finding, ...]
    lacking: tuple[str, ...]
    new: tuple[Kept, ...]


def examine(
    codec: Codec,
    cell: Cell,
    kept_here: Sequence[tuple[Path, Stream]],
    corpus: Corpus,
    *,
    format_version: int,
    here: Environment,
    commit: Callable[[], Commit | None],
    keep_lacking: bool = False,
    replace_broken: bool = False,
) -> Examined:
    """Decode every kept bitstream of the cell's family and quality.

    Args:
        codec: the cell's.
        cell: whose bitstreams they are.
        kept_here: the folder and the facts of each.
        corpus: the images that are kept as bitstreams.
        format_version: the family's, now.
        here: this environment.
        commit: what is checked out; asked only for what is to be kept.
        keep_lacking: code the images of which no bitstream is kept.
        replace_broken: code those whose bitstream broke.

    Raises:
        CodecError: what is to be kept can't be coded, or does not decode.
    """
    images = {image.name: image for image in corpus.images}
    findings: list[Finding] = []
    for folder, stream in kept_here:
        try:
            kept = read(folder, cell.family, stream)
        except BaselineError as error:
            findings.append(Finding(stream.image, Verdict.ERROR, Broke.FILE, str(error)))
            continue
        original = images.get(stream.image)
        with family_calls.blamed(cell.id):
            findings.append(check(codec, kept, original, format_version, here))
    lacking = [name for name in images if name not in {stream.image for _, stream in kept_here}]
    wanted = list(lacking) if keep_lacking else []
    if replace_broken:
        wanted += [each.image for each in findings if each.broke and each.image in images]
    with family_calls.blamed(cell.id):
        new = [keep(codec, cell, images[name], format_version, here, commit()) for name in wanted]
    return Examined(tuple(findings), tuple(lacking), tuple(new))


def compared(cell: Cell, examined: Examined, command: str) -> Comparison:
    """The verdict on a cell: the worst of its bitstreams', with a line for each that broke.

    Args:
        cell: whose bitstreams they are.
        examined: what they gave.
        command: the command line that examines them again.
    """
    verdicts = [finding.verdict for finding in examined.findings]
    broken = [finding for finding in examined.findings if finding.broke is not None]
    remarks = []
    unreadable = [finding for finding in broken if finding.broke is Broke.FILE]
    if unreadable:
        remarks.append(f"{len(unreadable)} of {len(verdicts)} old bitstreams can't be read")
    if len(unreadable) < len(broken):
        way_out = "the family's format has changed; record bitstreams of the new one"
        if any(finding.broke not in (Broke.FILE, Broke.VERSION) for finding in broken):
            way_out = "to break with old bitstreams on purpose, raise format_version and record"
        remarks.append(
            f"{len(broken) - len(unreadable)} of {len(verdicts)} old bitstreams no longer decode "
            f"as they did; {way_out}: {command} --lic-update"
        )
    if examined.lacking:
        verdicts.append(Verdict.NEW if examined.new else Verdict.MISSING)
        advice = "" if examined.new else f"; keep one: {command} --lic-update-missing"
        remarks.append(f"no bitstream is kept of {', '.join(examined.lacking)}{advice}")
    order = list(Verdict)
    lines = [f"\n  {finding.image}: {finding.broke}: {finding.text}" for finding in broken]
    return Comparison(cell.id, max(verdicts, key=order.index), "; ".join(remarks) + "".join(lines))


def check(
    codec: Codec, kept: Kept, original: Image | None, format_version: int, here: Environment
) -> Finding:
    """Decode one old bitstream and compare the pixels.

    Args:
        codec: of the quality that wrote it.
        kept: the bitstream.
        original: the image that was coded, for the PSNR, where it is still at hand.
        format_version: the family's, now.
        here: this environment.
    """
    stream = kept.stream
    expected = Image(stream.image, kept.pixels)
    try:
        (decoded,) = coding.decode(codec, [kept.bitstream], [expected])
    except CodecError as error:
        broke, what = _refused(error, kept, format_version)
    else:
        distance = np.abs(decoded.astype(np.int16) - kept.pixels)
        if stream.format_version != format_version:
            broke = Broke.VERSION
            told = FormatVersionError(stream.format_version, format_version)
            what = f"{told} (this decoder took it all the same)"
        elif not distance.any():
            return Finding(stream.image, Verdict.SAME)
        elif distance.max() <= TOLERANCE and stream.environment != here:
            return Finding(stream.image, Verdict.WITHIN)
        else:
            latents = _latents_hold(codec, kept, here)
            broke = Broke.TABLES if latents is False else Broke.PIXELS
            what = _deviation(kept, decoded, original)
            if latents is not None:
                what += "; the latents are the same" if latents else "; the latents differ already"
    if broke is not Broke.VERSION:
        changed, alike = _parts(codec, stream)
        if broke is Broke.PIXELS and "tables" in changed:
            broke = Broke.TABLES
        what += _parts_text(stream, changed, alike)
    return Finding(stream.image, Verdict.REGRESSED, broke, f"{what}; {_origin(stream, here)}")


def keep(
    codec: Codec,
    cell: Cell,
    image: Image,
    format_version: int,
    here: Environment,
    commit: Commit | None,
) -> Kept:
    """Code an image, with all that has to be known of its bitstream later.

    Raises:
        CodecError: it can't be coded, does not decode, or says another format version.
    """
    (bitstream,) = coding.encode(codec, [image], cell.setting.device)
    (pixels,) = coding.decode(codec, [bitstream], [image])
    written = unpack(bitstream).format_version if is_container(bitstream) else format_version
    if written != format_version:
        raise CodecError(
            f"the family's format_version is {format_version}, but its bitstreams say {written}; "
            "give it to pytest_lic.container's Bitstream and to unpack too"
        )
    quality = psnr(image.pixels, pixels)
    stream = Stream(
        quality=cell.quality,
        image=image.name,
        height=image.height,
        width=image.width,
        original=coding.digest(image.pixels),
        format_version=format_version,
        bytes=len(bitstream),
        bitstream=coding.digest(bitstream),
        reconstruction=coding.digest(pixels),
        latents=_latents(codec, bitstream),
        psnr=round(quality, 6) if math.isfinite(quality) else None,
        commit=commit.id if commit is not None else None,
        changed=commit is not None and commit.changed,
        environment=here,
        parts=dict(codec.part_digests()) if isinstance(codec, SupportsParts) else {},
    )
    return Kept(stream, bitstream, pixels)


def _refused(error: CodecError, kept: Kept, format_version: int) -> tuple[Broke, str]:
    """What broke where the decoder raised, or returned no such image."""
    cause = error.__cause__
    told = str(error) if cause is None else str(cause) or type(cause).__name__
    written = kept.stream.format_version
    if isinstance(cause, FormatVersionError):
        return Broke.VERSION, told
    if written != format_version:
        refusal = FormatVersionError(written, format_version)
        return Broke.VERSION, f"{refusal} (this decoder only says: {told})"
    if not isinstance(cause, BitstreamError):
        return Broke.DECODER, told
    if not is_container(kept.bitstream):
        return Broke.HEADER, told
    if isinstance(cause, ForeignBitstreamError):
        return Broke.FINGERPRINT, told
    try:
        unpack(kept.bitstream)
    except BitstreamError:
        return Broke.HEADER, told
    return Broke.TABLES, f"entropy decoding failed: {told}"


def _deviation(kept: Kept, decoded: NDArray[np.uint8], original: Image | None) -> str:
    """How many samples are off, the first, the largest difference, and the PSNR then and now."""
    distance = np.abs(decoded.astype(np.int16) - kept.pixels)
    y, x, channel = (int(i) for i in np.argwhere(distance)[0])
    quality = f"; PSNR {math.inf if kept.stream.psnr is None else kept.stream.psnr:.3f} dB then"
    if original is not None and coding.digest(original.pixels) == kept.stream.original:
        quality += f", {psnr(original.pixels, decoded):.3f} dB now"
    return (
        f"{int(distance.any(axis=2).sum())} of {distance.shape[0] * distance.shape[1]} pixels "
        f"differ, by up to {int(distance.max())} levels of 255, first at row {y}, column {x}, "
        f"{'RGB'[channel]}: {kept.pixels[y, x, channel]} then, {decoded[y, x, channel]} now"
        f"{quality}"
    )


def _latents(codec: Codec, bitstream: bytes) -> str | None:
    if not isinstance(codec, SupportsLatents):
        return None
    (latents,) = codec.decode_latents([bitstream])
    return coding.digest(latents.detach().cpu().numpy())


def _latents_hold(codec: Codec, kept: Kept, here: Environment) -> bool | None:
    """Whether the latents are those of then; None where another machine rounds a mean its way."""
    if kept.stream.latents is None or kept.stream.environment != here:
        return None
    return _latents(codec, kept.bitstream) == kept.stream.latents


def _parts(codec: Codec, stream: Stream) -> tuple[dict[str, str], list[str]]:
    """The codec's parts that are others than then, with their digest, and those that are not."""
    now: Mapping[str, str] = codec.part_digests() if isinstance(codec, SupportsParts) else {}
    known = [part for part in stream.parts if part in now]
    changed = {part: now[part] for part in known if now[part] != stream.parts[part]}
    return changed, [part for part in known if part not in changed]


def _parts_text(stream: Stream, changed: Mapping[str, str], alike: Sequence[str]) -> str:
    told = [
        f"; {part} changed since (was {stream.parts[part]}, is {digest})"
        for part, digest in changed.items()
    ]
    return "".join(told) + (f"; {' and '.join(alike)} as they were" if alike else "")


def _origin(stream: Stream, here: Environment) -> str:
    """Which commit and environment wrote a bitstream, and how this one differs."""
    changed = ", with uncommitted changes" if stream.changed else ""
    commit = f"commit {stream.commit[:10]}{changed}" if stream.commit else "no commit"
    then = stream.environment
    apart = differences(then, here)
    where = f"differs from this one in {', '.join(apart)}" if apart else "is this one"
    return f"written by {commit}; its environment, {then.digest}, {where}"
