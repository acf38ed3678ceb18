"""Which cells and curves are gated: every chosen quality in every setting."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_lic.codec import CodecFamily
from pytest_lic.images.corpus import CONFORMANCE
from pytest_lic.measuring.grid import (
    Curve,
    Grid,
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

NO_CURVES = "the qualities are narrowed: points are gated, curves are not"


def make_grid(families: Sequence[CodecFamily], selection: Selection) -> Grid:
    """Cells and curves in the order in which each network is loaded once; nothing is timed.

    There is one edge cell and one conformance cell for each quality and device. Untrained families
    are not on the grid: all that can be asked of those is their time.

    Raises:
        UnknownNameError: a codec, component, quality or λ that no family answers to.
        UsageError: two corpora or two cells of one name, or a resolution or batch that is not one.
    """
    chosen = select_families(families, selection)
    qualities, notes = select_qualities(chosen, selection) if chosen else ({}, [])
    settings, corpora = settings_of(selection)
    points = [(family, quality) for family in chosen for quality in qualities[family.name]]
    planned = plan(
        {
            "rate": cells_of(points, settings),
            # The edge corpus holds one image of each size, so a batch is never filled.
            "edge": cells_of(points, [Setting("edge", device=name) for name in selection.devices]),
            "conformance": cells_of(
                points, [Setting(CONFORMANCE, device=name) for name in selection.devices]
            ),
        }
    )
    curves: list[Curve] = []
    if selection.narrows_qualities:
        notes.append(NO_CURVES)
    else:
        whole = [family for family in chosen if qualities[family.name]]
        curves = [Curve(family.name, setting) for family in whole for setting in settings]
    check_ids([*(cell for cell, _ in planned), *curves])
    return Grid(planned, tuple(curves), corpora, networks_of(points), tuple(notes))
