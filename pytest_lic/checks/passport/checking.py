"""One operating point of a pack decoded here, and how it compares with where it was made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pytest_lic.checks.agreement import Agreement, Decoded, agreement
from pytest_lic.checks.passport.making import Traced, part_digests, traced
from pytest_lic.checks.passport.pack import PackedCodec, PackedImage, PackReader
from pytest_lic.checks.passport.stage_record import LATENTS, PIXELS, difference, kept_values
from pytest_lic.checks.passport.stamp import Checked
from pytest_lic.codec import Codec

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NAMES = ("there", "here")


def check(reader: PackReader, packed: PackedCodec, codec: Codec) -> Checked:
    """Decode a pack's bitstreams of one operating point.

    Args:
        reader: of the pack.
        packed: what it has of the operating point.
        codec: what has to decode it here.

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
    return Checked(packed.family, packed.quality, identical, within, broken, stage, first)


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
