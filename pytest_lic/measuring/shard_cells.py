"""Which cells are one shard's: by image area, or by the seconds that they took, if known."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean

from pytest_lic.images.area import area
from pytest_lic.measuring.grid import Point, Setting, Share, point_id
from pytest_lic.measuring.shards import Row, Sharing, shares


def share_of(
    points: Sequence[Point],
    settings: Sequence[Setting],
    corpora: Mapping[str, str],
    sharing: Sharing,
) -> tuple[str, Share]:
    """A digest of what each shard gets, and the settings of each point that are this shard's.

    Args:
        points: of the whole grid.
        settings: in which each point has a cell.
        corpora: the name of each corpus → what the user called it.
        sharing: which shard, and what cells took before.

    Raises:
        CorpusError: a corpus can't be read.
    """
    rows = [
        Row(family.network(quality), seconds)
        for (family, quality), seconds in zip(
            points, _seconds(points, settings, corpora, sharing.seconds), strict=True
        )
    ]
    dealt = shares(rows, sharing.shard.count)
    names = [(family.name, quality) for family, quality in points]
    told = repr((names, [setting.id for setting in settings], dealt))
    share: dict[tuple[str, str], frozenset[Setting]] = {}
    for row, start, stop in dealt[sharing.shard.number - 1]:
        share[names[row]] = share.get(names[row], frozenset()) | frozenset(settings[start:stop])
    return hashlib.sha256(told.encode()).hexdigest()[:16], share


def _seconds(
    points: Sequence[Point],
    settings: Sequence[Setting],
    corpora: Mapping[str, str],
    known: Mapping[str, float],
) -> Iterator[tuple[float, ...]]:
    """Of each point, the seconds that it is expected to take in each setting.

    What is not known takes as long for a pixel as what is known of its point, else of all.
    """
    areas = tuple(
        float(max(area(corpora[setting.corpus], setting.resolution), 1)) for setting in settings
    )
    if not known:
        yield from (areas for _ in points)
        return
    ids = [setting.id for setting in settings]
    before = [
        [known.get(f"{point_id(family.name, quality)}-{its}") for its in ids]
        for family, quality in points
    ]
    paces = [
        [value / its for value, its in zip(row, areas, strict=True) if value is not None]
        for row in before
    ]
    usual = fmean([pace for of_point in paces for pace in of_point] or [1.0])
    for row, of_point in zip(before, paces, strict=True):
        pace = fmean(of_point) if of_point else usual
        yield tuple(
            pace * its if value is None else value for value, its in zip(row, areas, strict=True)
        )
