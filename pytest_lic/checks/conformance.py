"""The old bitstreams of one cell: all decoded again, new ones kept, and the verdict in words."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
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

    ``lacking`` names the images of which no bitstream of the family's own is kept; ``new`` is empty
    unless the run records. ``decodes`` is the other family, if any, whose bitstreams have to decode
    too.
    """

    findings: tuple[StreamFinding, ...]
    lacking: tuple[str, ...]
    new: tuple[Kept, ...]
    decodes: str | None = None

    @property
    def others(self) -> list[StreamFinding]:
        """What the other family's bitstreams gave."""
        return [finding for finding in self.findings if finding.writer is not None]

    @property
    def can_be_recorded(self) -> bool:
        """Whether recording mends what is wrong: not where the other family's do not decode."""
        held = self.decodes is None or bool(self.others)
        return held and not any(finding.broke for finding in self.others)


def examine(
    decoder: Decoder,
    streams: Sequence[tuple[str, Path, Stream]],
    corpus: Corpus,
    *,
    decodes: str | None = None,
    keep_lacking: bool,
    keep_broken: bool,
    commit: Callable[[], Commit | None],
) -> Examined:
    """Decode every kept bitstream of the cell's quality; only the family's own are kept anew.

    Args:
        decoder: what has to decode them.
        streams: the family that wrote it, which may be another, the folder and the facts of each.
        corpus: the images that are kept as bitstreams.
        decodes: the other family, if any, whose bitstreams have to decode too.
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
            finding = StreamFinding(stream.image, Verdict.ERROR, Broke.FILE, str(error))
        else:
            with family_calls.blamed(decoder.cell.id):
                finding = check(decoder, kept, images.get(stream.image))
        is_own = family == decoder.cell.family
        findings.append(finding if is_own else replace(finding, writer=family))
    own = {finding.image: finding.broke for finding in findings if finding.writer is None}
    lacking = [name for name in images if name not in own]
    wanted = list(lacking) if keep_lacking else []
    if keep_broken:
        wanted += [name for name, broke in own.items() if broke and name in images]
    with family_calls.blamed(decoder.cell.id):
        new = [keep(decoder, images[name], commit()) for name in wanted]
    return Examined(tuple(findings), tuple(lacking), tuple(new), decodes)


def compared(cell: Cell, examined: Examined, command: str) -> Comparison:
    """The verdict on a cell: the worst of its bitstreams', with a line for each that broke.

    Args:
        cell: whose bitstreams they are.
        examined: what they gave.
        command: the command line that examines them again.
    """
    verdicts = [finding.verdict for finding in examined.findings]
    broken = [finding for finding in examined.findings if finding.broke is not None]
    others, decodes = examined.others, examined.decodes
    remarks = []
    unreadable = [finding for finding in broken if finding.broke is Broke.FILE]
    if unreadable:
        remarks.append(f"{len(unreadable)} of {len(verdicts)} old bitstreams can't be read")
    changed = [finding for finding in broken if finding.broke is not Broke.FILE]
    own = [finding for finding in changed if finding.writer is None]
    if own:
        kinds = {finding.broke for finding in own}
        what = "no longer decode as they did"
        if kinds == {Broke.OTHER_WEIGHTS}:
            what = "are of other weights than are built here"
            way_out = "where these are meant, record"
        elif kinds == {Broke.VERSION}:
            way_out = "the family's format has changed; record bitstreams of the new one"
        else:
            way_out = "to break with old bitstreams on purpose, raise format_version and record"
        of_all = f"{len(own)} of {len(verdicts) - len(others)} old bitstreams"
        remarks.append(f"{of_all} {what}; {way_out}: {command} --lic-update")
    if len(changed) > len(own):
        remarks.append(
            f"{len(changed) - len(own)} of {len(others)} old bitstreams of {decodes}, which "
            f"{cell.family} is to decode (CodecFamily.decodes), do not decode as they did; mend "
            "the decoder, or take decodes away"
        )
    if examined.lacking:
        verdicts.append(Verdict.NEW if examined.new else Verdict.MISSING)
        advice = "" if examined.new else f"; keep one: {command} --lic-update-missing"
        remarks.append(f"no bitstream is kept of {', '.join(examined.lacking)}{advice}")
    if decodes is not None and not others:
        verdicts.append(Verdict.MISSING)
        remarks.append(
            f"no bitstream is kept of {decodes} quality {cell.quality}, which {cell.family} is to "
            "decode (CodecFamily.decodes); correct the name, or keep some of that family with "
            "--lic-update-missing"
        )
    order = list(Verdict)
    lines = [f"\n  {_name(finding)}: {finding.broke}: {finding.text}" for finding in broken]
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


def _name(finding: StreamFinding) -> str:
    return finding.image if finding.writer is None else f"{finding.image} of {finding.writer}"
