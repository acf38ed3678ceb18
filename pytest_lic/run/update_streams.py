"""The kept bitstreams after a run: which are new, which are stale, and pruning those."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pytest_lic.baselines import kept_streams
from pytest_lic.baselines.kept_streams import Kept, KeptStreams, StreamKey
from pytest_lic.checks.conformance import Examined
from pytest_lic.images.corpus import CONFORMANCE, load_corpus
from pytest_lic.measuring.grid import Cell
from pytest_lic.project.discovery import Families
from pytest_lic.results.records import ConformanceRecord
from pytest_lic.run.stale import Stale, by_family


def covers(cells: Sequence[Cell], records: Iterable[ConformanceRecord]) -> bool:
    """Whether the old bitstreams of all ``cells`` were decoded, and there are any."""
    return bool(cells) and {record.cell for record in records if record.examined} >= set(cells)


def record(
    kept: KeptStreams,
    cells: Sequence[Cell],
    records: Iterable[ConformanceRecord],
    broken: set[tuple[str, str]],
) -> list[str]:
    """Keep the bitstreams that a run's tests coded; a line for each quality of a family.

    Args:
        kept: the folder they go to.
        cells: those of the run's grid, in order.
        records: what the tests found.
        broken: (family, quality) pairs that failed their round trip or determinism: never kept.
    """
    order = {cell: place for place, cell in enumerate(cells)}
    # Where several devices decode one quality, the first on the grid decides.
    chosen: dict[str, dict[str, Examined]] = {}
    for examination in sorted(
        records, key=lambda examination: order.get(examination.cell, len(order))
    ):
        if examination.examined is not None:
            of_family = chosen.setdefault(examination.cell.family, {})
            of_family.setdefault(examination.cell.quality, examination.examined)
    lines = []
    for family, qualities in sorted(chosen.items()):
        new: list[Kept] = []
        for quality, examined in qualities.items():
            if examined.new and (family, quality) not in broken:
                new += examined.new
                lines.append(_line(family, quality, examined))
        if new:
            kept_streams.save(kept.folder, family, kept.own(family), new)
    return lines


def stale(kept: KeptStreams, families: Families) -> list[Stale[StreamKey]]:
    """What the user's folder keeps of qualities, images and families that are gone."""
    images = {image.name for image in load_corpus(CONFORMANCE).images}
    entries = []
    for family in kept.families():
        known = families.by_name.get(family)
        for key in kept.own(family):
            quality, image = key
            if known is None:
                why = "no codec has this name"
            elif quality not in known.qualities:
                why = f"quality {quality} is gone"
            elif image not in images:
                why = f"image {image} is gone"
            else:
                continue
            what = f"quality {quality}, bitstream of {image}"
            entries.append(Stale(family, key, what, why))
    return entries


def prune(kept: KeptStreams, gone: Iterable[Stale[StreamKey]]) -> None:
    """Remove stale bitstreams, and what they leave empty."""
    for family, keys in by_family(gone).items():
        left = {key: stream for key, stream in kept.own(family).items() if key not in keys}
        kept_streams.save(kept.folder, family, left)


def _line(family: str, quality: str, examined: Examined) -> str:
    own = (finding for finding in examined.findings if finding.writer is None)
    broke = {finding.image: finding.broke for finding in own if finding.broke}
    parts = []
    for stream in (kept.stream for kept in examined.new):
        how = "first kept"
        if stream.image in broke:
            how = f"in place of one that broke ({broke[stream.image]})"
        parts.append(f"{stream.image} {how}, {stream.bytes} bytes")
    return f"{family}, quality {quality}, bitstreams: {'; '.join(parts)}"
