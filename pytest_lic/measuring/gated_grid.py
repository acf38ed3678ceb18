"""Which cells and curves are gated: every chosen quality in every setting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain

from pytest_lic.codec import CodecFamily
from pytest_lic.errors import UsageError
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
from pytest_lic.system.words import listed

_NAMED = 6  # families of a note
NO_CURVES = "the qualities are narrowed: points are gated, curves are not"


def make_grid(
    families: Sequence[CodecFamily], selection: Selection, sharing: Sharing | None = None
) -> Grid:
    """Cells and curves in the order in which each network is loaded once; nothing is timed.

    There is one edge cell and one conformance cell for each quality and device, but none at target
    rates, where rate and quality alone are looked at. Untrained families
    are not on the grid: all that can be asked of those is their time. With ``sharing``, only the
    cells of that shard are made, and the curves that have a point among them.

    Raises:
        UnknownNameError: a codec, component, quality or λ that no family answers to.
        UsageError: two corpora or two cells of one name, a resolution or batch that is not one, or
            target rates for families that have no rate control.
    """
    of_targets = _said_of_targets(families, selection) if selection.targets else []
    chosen = select_families(families, selection)
    qualities, notes = select_qualities(chosen, selection) if chosen else ({}, [])
    settings, corpora = settings_of(selection)
    points = [(family, quality) for family in chosen for quality in qualities[family.name]]
    devices = () if selection.targets else selection.devices
    settings_for: dict[Purpose, Sequence[Setting]] = {
        "rate": settings,
        # The edge corpus holds one image of each size, so a batch is never filled.
        "edge": [Setting("edge", device=name) for name in devices],
        "conformance": [Setting(CONFORMANCE, device=name) for name in devices],
    }
    part, share = None, None
    if sharing is not None:
        every = list(dict.fromkeys(chain.from_iterable(settings_for.values())))
        plan_of_all, share = share_of(points, every, corpora, sharing)
        part = Part(sharing.shard, len(points) * len(every), plan_of_all, frozenset())
    planned = plan({purpose: cells_of(points, its, share) for purpose, its in settings_for.items()})
    curves: list[Curve] = []
    if selection.targets:
        notes += of_targets
    elif selection.narrows_qualities:
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


def _said_of_targets(families: Sequence[CodecFamily], selection: Selection) -> list[str]:
    """What a run at target rates does, and the families that it leaves out.

    Raises:
        UsageError: it leaves out all.
    """
    matching = select_families(families, replace(selection, targets=()))
    without = [family.name for family in matching if family.levels is None]
    rates = ", ".join(f"{target:g}" for target in selection.targets)
    if matching and len(without) == len(matching):
        raise UsageError(
            f"--lic-target-bpp {rates}: {listed(without, _NAMED)} "
            f"{'has' if len(without) == 1 else 'have'} no rate control; choose codecs that have "
            "some with --lic-codec, or measure qualities"
        )
    said = [
        f"each image is coded at the level whose bytes come nearest to {rates} bpp, within 1 % "
        "unless said otherwise; points are gated, curves are not"
    ]
    if without:
        said.append(f"left out, for they have no rate control: {listed(without, _NAMED)}")
    return said


def _is_whole(family: CodecFamily, chosen: Mapping[str, Sequence[str]]) -> bool:
    """Whether all qualities of a family are taken, so that it has a curve."""
    return len(chosen[family.name]) == len(family.qualities)
