"""The old bitstreams of one cell: all decoded again, new ones kept, and the verdict in words."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_lic.baselines.comparison import Comparison, Verdict
from pytest_lic.baselines.kept_streams import Kept, Stream, read
from pytest_lic.checks.old_stream import Broke, Decoder, StreamFinding, check, latents_digest
from pytest_lic.codec import SupportsParts
from pytest_lic.container import is_container, unpack
from pytest_lic.errors import BaselineError, CodecError
from pytest_lic.images.corpus import Corpus, Image
from pytest_lic.measuring import coding
from pytest_lic.measuring.grid import Cell
from pytest_lic.measuring.metrics.psnr import psnr
from pytest_lic.project import family_calls
from pytest_lic.system.git import Commit


@dataclass(frozen=True)
class Examined:
    """What the old bitstreams of one cell gave, and what is to be kept from now on.

    ``lacking`` names the images of which no bitstream is kept; ``new`` is empty unless the run
    records.
    """

    findings: tuple[StreamFinding, ...]
    lacking: tuple[str, ...]
    new: tuple[Kept, ...]


def examine(
    decoder: Decoder,
    streams: Sequence[tuple[str, Path, Stream]],
    corpus: Corpus,
    *,
    keep_lacking: bool,
    keep_broken: bool,
    commit: Callable[[], Commit | None],
) -> Examined:
    """Decode every kept bitstream of the cell's quality.

    Args:
        decoder: what has to decode them.
        streams: the family that wrote it, the folder and the facts of each.
        corpus: the images that are kept as bitstreams.
        keep_lacking: code and keep the images of which no bitstream is kept.
        keep_broken: those too whose bitstream broke.
        commit: tells what is checked out; asked only where something is kept.

    Raises:
        CodecError: what is to be kept can't be coded, or does not decode.
    """
    images = {image.name: image for image in corpus.images}
    findings: list[StreamFinding] = []
    for family, folder, stream in streams:
        try:
            kept = read(folder, family, stream)
        except BaselineError as error:
            findings.append(StreamFinding(stream.image, Verdict.ERROR, Broke.FILE, str(error)))
            continue
        with family_calls.blamed(decoder.cell.id):
            findings.append(check(decoder, kept, images.get(stream.image)))
    lacking = [name for name in images if name not in {stream.image for *_, stream in streams}]
    wanted = list(lacking) if keep_lacking else []
    if keep_broken:
        broken = [finding.image for finding in findings if finding.broke]
        wanted += [name for name in broken if name in images]
    with family_calls.blamed(decoder.cell.id):
        new = [keep(decoder, images[name], commit()) for name in wanted]
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
        kinds = {finding.broke for finding in broken} - {Broke.FILE}
        what = "no longer decode as they did"
        if kinds == {Broke.OTHER_WEIGHTS}:
            what = "are of other weights than are built here"
            way_out = "where these are meant, record"
        elif kinds == {Broke.VERSION}:
            way_out = "the family's format has changed; record bitstreams of the new one"
        else:
            way_out = "to break with old bitstreams on purpose, raise format_version and record"
        remarks.append(
            f"{len(broken) - len(unreadable)} of {len(verdicts)} old bitstreams {what}; "
            f"{way_out}: {command} --lic-update"
        )
    if examined.lacking:
        verdicts.append(Verdict.NEW if examined.new else Verdict.MISSING)
        advice = "" if examined.new else f"; keep one: {command} --lic-update-missing"
        remarks.append(f"no bitstream is kept of {', '.join(examined.lacking)}{advice}")
    order = list(Verdict)
    lines = [f"\n  {finding.image}: {finding.broke}: {finding.text}" for finding in broken]
    return Comparison(cell.id, max(verdicts, key=order.index), "; ".join(remarks) + "".join(lines))


def keep(decoder: Decoder, image: Image, commit: Commit | None) -> Kept:
    """Code an image, with all that has to be known of its bitstream later.

    Raises:
        CodecError: it can't be coded, does not decode, or says another format version.
    """
    codec, cell, version = decoder.codec, decoder.cell, decoder.format_version
    (bitstream,) = coding.encode(codec, [image], cell.setting.device)
    (pixels,) = coding.decode(codec, [bitstream], [image])
    written = unpack(bitstream).format_version if is_container(bitstream) else version
    if written != version:
        raise CodecError(
            f"the family's format_version is {version}, but its bitstreams say {written}; "
            "give it to pytest_lic.container's Bitstream and to unpack too"
        )
    quality = psnr(image.pixels, pixels)
    stream = Stream(
        quality=cell.quality,
        image=image.name,
        height=image.height,
        width=image.width,
        original=coding.digest(image.pixels),
        format_version=version,
        bytes=len(bitstream),
        bitstream=coding.digest(bitstream),
        reconstruction=coding.digest(pixels),
        latents=latents_digest(codec, bitstream),
        psnr=round(quality, 6) if math.isfinite(quality) else None,
        commit=commit.id if commit is not None else None,
        changed=commit is not None and commit.changed,
        environment=decoder.environment,
        parts=dict(codec.part_digests()) if isinstance(codec, SupportsParts) else {},
    )
    return Kept.of(stream, bitstream, pixels)
