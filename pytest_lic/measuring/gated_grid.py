"""Which cells and curves are gated: every chosen quality in every setting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain

from pytest_lic.codec import CodecFamily
from pytest_lic.images.corpus import CONFORMANCE
from pytest_lic.measuring.grid import (
    Curve,
    Grid,
    Part,
    Purpose,
    Setting,
    cells_of,
    check_ids,
    networks_of,
    plan,
)
from pytest_lic.measuring.selection import (
    Selection,
    select_families,
    select_qualities,
    settings_of,
)
from pytest_lic.measuring.shard_cells import share_of
from pytest_lic.measuring.shards import Sharing

NO_CURVES = "the qualities are narrowed: points are gated, curves are not"


def make_grid(
    families: Sequence[CodecFamily], selection: Selection, sharing: Sharing | None = None
) -> Grid:
    """Cells and curves in the order in which each network is loaded once; nothing is timed.

    There is one edge cell and one conformance cell for each quality and device. Untrained families
    are not on the grid: all that can be asked of those is their time. With ``sharing``, only the
    cells of that shard are made, and the curves that have a point among them.

    Raises:
        UnknownNameError: a codec, component, quality or λ that no family answers to.
        UsageError: two corpora or two cells of one name, or a resolution or batch that is not one.
    """
    chosen = select_families(families, selection)
    qualities, notes = select_qualities(chosen, selection) if chosen else ({}, [])
    settings, corpora = settings_of(selection)
    points = [(family, quality) for family in chosen for quality in qualities[family.name]]
    settings_for: dict[Purpose, Sequence[Setting]] = {
        "rate": settings,
        # The edge corpus holds one image of each size, so a batch is never filled.
        "edge": [Setting("edge", device=name) for name in selection.devices],
        "conformance": [Setting(CONFORMANCE, device=name) for name in selection.devices],
    }
    part, share = None, None
    if sharing is not None:
        every = list(dict.fromkeys(chain.from_iterable(settings_for.values())))
        plan_of_all, share = share_of(points, every, corpora, sharing)
        part = Part(sharing.shard, len(points) * len(every), plan_of_all, frozenset())
    planned = plan({purpose: cells_of(points, its, share) for purpose, its in settings_for.items()})
    curves: list[Curve] = []
    if selection.narrows_qualities:
        notes.append(NO_CURVES)
    elif part is None:
        whole = [family for family in chosen if _is_whole(family, qualities)]
        curves = [Curve(family.name, setting) for family in whole for setting in settings]
    else:
        here = Counter(Curve(cell.family, cell.setting) for cell, its in planned if "rate" in its)
        by_name = {family.name: family for family in chosen}
        curves = [curve for curve in here if _is_whole(by_name[curve.family], qualities)]
        left = (curve for curve in curves if here[curve] < len(qualities[curve.family]))
        part = replace(part, left=frozenset(left))
    check_ids([*(cell for cell, _ in planned), *curves])
    return Grid(planned, tuple(curves), corpora, networks_of(points), tuple(notes), part)


def _is_whole(family: CodecFamily, chosen: Mapping[str, Sequence[str]]) -> bool:
    """Whether all qualities of a family are taken, so that it has a curve."""
    return len(chosen[family.name]) == len(family.qualities)
