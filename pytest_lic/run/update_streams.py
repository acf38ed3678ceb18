"""What a finished run does to the kept bitstreams: keep new ones, name what is stale, prune.

The twin of `recording`, with the records that `Gate.old_bitstreams` left. Only the controller of a
run comes here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_lic.baselines import kept_streams
from pytest_lic.baselines.kept_streams import Kept, StreamKey
from pytest_lic.images.corpus import CONFORMANCE, load_corpus
from pytest_lic.run.run import Run
from pytest_lic.system.typed_json import structured


@dataclass(frozen=True)
class StaleStream:
    """A kept bitstream that nothing asks for."""

    family: str
    key: StreamKey
    why: str


def examined(records: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The records of cells whose old bitstreams were decoded."""
    return [record for record in records if "findings" in record]


def covers(run: Run, records: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the old bitstreams of the whole grid were decoded."""
    found = {record["comparison"]["subject"] for record in examined(records)}
    return bool(found) and found >= {cell.id for cell in run.setup.grid.of("conformance")}


def record(
    run: Run, records: Sequence[Mapping[str, Any]], broken: set[tuple[str, str]]
) -> list[str]:
    """Keep the bitstreams that the run's tests coded; a line for each quality of a family.

    Args:
        run: whose folder they are kept in.
        records: of all tests.
        broken: (family, quality) pairs that failed their round trip or determinism: never kept.
    """
    order = {cell.id: place for place, cell in enumerate(run.setup.grid.of("conformance"))}
    by_subject = sorted(
        examined(records), key=lambda each: order.get(each["comparison"]["subject"], len(order))
    )
    # Where several devices decode one quality, the first on the grid decides.
    chosen: dict[str, dict[str, Mapping[str, Any]]] = {}
    for each in by_subject:
        chosen.setdefault(each["family"], {}).setdefault(each["quality"], each)
    lines = []
    for family, qualities in sorted(chosen.items()):
        new = []
        for quality, each in qualities.items():
            kept = [structured(stored, Kept) for stored in each["new"]]
            if kept and (family, quality) not in broken:
                new += kept
                lines.append(_line(family, quality, kept, each["findings"]))
        if new:
            kept_streams.save(run.kept.folder, family, run.kept.own(family), new)
    return lines


def stale(run: Run) -> list[StaleStream]:
    """What the user's folder keeps of qualities, images and families that are gone."""
    images = {image.name for image in load_corpus(CONFORMANCE).images}
    found = []
    for family in run.kept.families():
        known = run.setup.families.by_name.get(family)
        for quality, image in run.kept.own(family):
            if known is None:
                why = "no codec has this name"
            elif quality not in known.qualities:
                why = f"quality {quality} is gone"
            elif image not in images:
                why = f"image {image} is gone"
            else:
                continue
            found.append(StaleStream(family, StreamKey(quality, image), why))
    return found


def prune(run: Run, gone: Sequence[StaleStream]) -> None:
    """Remove stale bitstreams, and what they leave empty."""
    for family in {each.family for each in gone}:
        keys = {each.key for each in gone if each.family == family}
        own = run.kept.own(family)
        left = {key: stream for key, stream in own.items() if key not in keys}
        kept_streams.save(run.kept.folder, family, left)


def stale_text(stream: StaleStream) -> str:
    """One stale bitstream in words."""
    quality, image = stream.key
    return f"{stream.family}, quality {quality}, bitstream of {image}: {stream.why}"


def _line(
    family: str, quality: str, kept: Sequence[Kept], findings: Sequence[Mapping[str, Any]]
) -> str:
    broke = {finding["image"]: finding["broke"] for finding in findings if finding["broke"]}
    told = []
    for each in kept:
        stream = each.stream
        how = "first kept"
        if stream.image in broke:
            how = f"in place of one that broke ({broke[stream.image]})"
        told.append(f"{stream.image} {how}, {stream.bytes} bytes")
    return f"{family}, quality {quality}, bitstreams: {'; '.join(told)}"
