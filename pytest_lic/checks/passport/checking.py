"""One operating point of a pack decoded here, and how it compares with where it was made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any

from pytest_lic.checks.agreement import Agreement, Decoded, agreement
from pytest_lic.checks.passport.making import (
    Traced,
    encoded,
    part_digests,
    source_digest,
    traced,
)
from pytest_lic.checks.passport.pack import PackedCodec, PackedImage, PackReader
from pytest_lic.checks.passport.stage_record import LATENTS, PIXELS, difference, kept_values
from pytest_lic.checks.passport.stamp import Checked
from pytest_lic.codec import Codec
from pytest_lic.errors import CodecError, CorpusError
from pytest_lic.images.corpus import EDGE, Image, load_corpus
from pytest_lic.system.words import plural

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NAMES = ("there", "here")


def check(reader: PackReader, packed: PackedCodec, codec: Codec, device: str = "cpu") -> Checked:
    """Decode a pack's bitstreams of one operating point.

    The images that ship with pytest-lic are encoded again, too, to tell how encoders differ; that
    decides nothing.

    Args:
        reader: of the pack.
        packed: what it has of the operating point.
        codec: what has to decode it here.
        device: that it codes on.

    Raises:
        PassportError: the pack is damaged.
    """
    here = part_digests(codec)
    apart = " and ".join(
        part
        for part in ("weights", "tables")
        if part in packed.parts and part in here and packed.parts[part] != here[part]
    )
    if apart:
        first = f"other {apart} here than where it was encoded; nothing was decoded"
        return Checked(
            packed.family, packed.quality, broken=len(packed.images), stage=apart, first=first
        )
    counts: Counter[Agreement] = Counter()
    firsts: dict[Agreement, tuple[str, str]] = {}
    for image in packed.images:
        found = traced(
            codec, reader.content(image.bitstream), image.name, image.height, image.width
        )
        kind, why = _agreement(reader, image, found)
        counts[kind] += 1
        if why and kind not in firsts:
            stage, text = _first_difference(reader, image, found, kind)
            firsts[kind] = stage, f"{image.name}: {text}; {why}"
    stage, first = firsts.get(Agreement.BROKEN) or firsts.get(Agreement.WITHIN, ("", ""))
    identical, within, broken = (counts[kind] for kind in Agreement)
    return Checked(
        packed.family,
        packed.quality,
        identical,
        within,
        broken,
        stage,
        first,
        encoder=_encoder(reader, packed, codec, device),
    )


def _encoder(reader: PackReader, packed: PackedCodec, codec: Codec, device: str) -> str:
    """How what is encoded here differs from the pack, of the images that ship with pytest-lic."""
    shipped = _shipped() if any(image.source for image in packed.images) else {}
    other, first = 0, ""
    for image in packed.images:
        source = shipped.get(image.source)
        if source is None:
            continue
        try:
            bitstream, computed = encoded(codec, source, device)
        except CodecError as error:
            return f"can't encode {image.name} here: {error}"
        if bitstream == reader.content(image.bitstream):
            continue
        other += 1
        first = first or f"{image.name}: {_first_of_encoder(reader, image, computed)}"
    if not other:
        return ""
    return f"encodes {plural(other, 'image')} to other bits here; first {first}"


def _first_of_encoder(
    reader: PackReader, image: PackedImage, computed: Mapping[str, NDArray[Any]]
) -> str:
    for record in image.encoder:
        if record.stage in computed:
            with reader.reading(record.member) as content:
                text = difference(record, content, computed[record.stage])
            if text is not None:
                return f"{record.stage}: {text}"
    return "no stage of the encoder differs" if image.encoder else "its stages are not shown"


@cache
def _shipped() -> Mapping[str, Image]:
    """The images that every pytest-lic has, by the digest of their pixels; none that lack here."""
    found: dict[str, Image] = {}
    for corpus in ("photos", EDGE):
        with suppress(CorpusError):  # scikit-image may lack a photograph
            found |= {source_digest(image): image for image in load_corpus(corpus).images}
    return found


def _agreement(reader: PackReader, image: PackedImage, found: Traced) -> tuple[Agreement, str]:
    there = {record.stage: record for record in image.stages if record.stage in (PIXELS, LATENTS)}
    values: dict[str, NDArray[Any]] = {}
    for stage, record in there.items():
        with reader.reading(record.member) as content:
            values[stage] = kept_values(record, content)
            if stage == PIXELS and values[stage].shape != (image.height, image.width, 3):
                raise ValueError(f"{record.member} is no image of {image.width}×{image.height}")
    with reader.reading(image.bitstream):
        if PIXELS not in values:
            raise ValueError(f"it has no pixels of {image.name}")
    return agreement(_decoded(values), _decoded(found.stages, found.failure), _NAMES)


def _decoded(stages: Mapping[str, NDArray[Any]], failure: str = "") -> Decoded:
    latents = stages.get(LATENTS)
    if latents is not None and latents.ndim == 4:
        latents = latents[0]
    return Decoded(stages.get(PIXELS), latents, failure)


def _first_difference(
    reader: PackReader, image: PackedImage, found: Traced, kind: Agreement
) -> tuple[str, str]:
    """The first stage that differs and in what, and where whole numbers first differ after it.

    A stage that was not come to differs. Where latents agree, what was computed before them had
    other last digits at most, and the first stage after them is told.
    """
    records = list(image.stages)
    names = [record.stage for record in records]
    if kind is Agreement.WITHIN and LATENTS in names:
        records = records[names.index(LATENTS) + 1 :]
    first: tuple[str, str] | None = None
    for record in records:
        if record.stage not in found.stages:
            text: str | None = "not computed here"
        else:
            with reader.reading(record.member) as content:
                text = difference(record, content, found.stages[record.stage])
        if text is None:
            continue
        if first is None:
            first = record.stage, text
            if record.discrete:
                break
        elif record.discrete:
            return first[0], f"{first[1]}; then {record.stage}: {text}"
    return first or ("", "no stage differs")
