"""A comparison of two commits as one JSON file with all its numbers, and read back from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import msgspec

from pytest_lic.ab.checkout import Revision
from pytest_lic.ab.result import CellResult, Compared, Demand, Timed
from pytest_lic.baselines.comparison import Comparison
from pytest_lic.baselines.entry_json import variant_keys, variants_in
from pytest_lic.errors import Unavailable, UsageError
from pytest_lic.measuring.measure import Measurement
from pytest_lic.system.environment import Environment
from pytest_lic.system.typed_json import JsonFile, plain, structured

FORMAT: Literal[1] = 1
FILE = JsonFile("--ab", UsageError, "expected what pytest-lic ab --json wrote", newest=FORMAT)


class CellPart(msgspec.Struct, frozen=True):
    """One cell; a side is a measurement or has an ``error``, times may be a reason for none."""

    cell: str
    quality: Comparison | None
    base: dict[str, Any]
    head: dict[str, Any]
    times: Timed | str


class AbFile(msgspec.Struct, frozen=True):
    """What is read of the file; what else it has follows from this."""

    format: Literal[1]
    base: Revision
    head: Revision
    demand: Demand
    environment: Environment
    seconds: float
    one_sided: dict[str, str]
    left_out: dict[str, str]
    lost: dict[str, str]
    notes: tuple[str, ...]
    cells: list[CellPart]


def ab_json(compared: Compared) -> dict[str, Any]:
    """Every number: the log-ratio of each quartet in each start, estimates, measurements."""
    return {
        "format": FORMAT,
        "base": plain(compared.base),
        "head": plain(compared.head),
        "fails": compared.fails,
        "demand": plain(compared.demand),
        "environment": plain(compared.environment),
        "seconds": compared.seconds,
        "one_sided": dict(compared.one_sided),
        "left_out": dict(compared.left_out),
        "lost": dict(compared.lost),
        "notes": list(compared.notes),
        "cells": [_cell_json(cell, compared.demand.fail_slower) for cell in compared.cells],
    }


def load_ab(path: Path) -> Compared:
    """Read what ``pytest-lic ab --json`` wrote.

    Of a cell that is broken on both sides the file has the id alone: it is among what was left out.

    Raises:
        UsageError: a file that can't be read, is something else, of a newer format, or damaged.
    """
    stored = FILE.read(path)
    if not isinstance(stored, dict) or not {"format", "base", "head", "demand"} <= stored.keys():
        raise UsageError(f"--ab {path} is no comparison of two commits; {FILE.advice}")
    with FILE.parsing(path):
        return _compared(structured(stored, AbFile))


def _compared(file: AbFile) -> Compared:
    cells = [_cell(part) for part in file.cells]
    broken = {
        part.cell: f"broken on both sides: {part.head['error']}"
        for part, cell in zip(file.cells, cells, strict=True)
        if cell is None
    }
    return Compared(
        file.base,
        file.head,
        file.demand,
        file.environment,
        tuple(cell for cell in cells if cell is not None),
        file.one_sided,
        file.left_out | broken,
        file.lost,
        file.seconds,
        file.notes,
    )


def _cell(part: CellPart) -> CellResult | None:
    base, head = _side(part.base), _side(part.head)
    measured = next((side for side in (base, head) if isinstance(side, Measurement)), None)
    if measured is None:
        return None
    times = Unavailable(part.times) if isinstance(part.times, str) else part.times
    return CellResult(measured.cell, base, head, part.quality, times)


def _side(stored: dict[str, Any]) -> Measurement | Unavailable:
    if "error" in stored:
        return Unavailable(str(stored["error"]))
    return structured({**stored, "variants": variants_in(stored)}, Measurement)


def _cell_json(cell: CellResult, threshold: float) -> dict[str, Any]:
    return {
        "cell": cell.cell.id,
        "slower": list(cell.slower(threshold)),
        "worse": cell.worse,
        "quality": plain(cell.quality),
        "base": _side_json(cell.base),
        "head": _side_json(cell.head),
        "times": _times_json(cell.times),
    }


def _side_json(side: Measurement | Unavailable) -> Any:
    if isinstance(side, Unavailable):
        return {"error": side.reason}
    stored = plain(side)
    del stored["variants"]
    return stored | {"lpips_net": None} | variant_keys(side.variants)


def _times_json(times: Timed | Unavailable) -> Any:
    if isinstance(times, Unavailable):
        return times.reason
    return {
        "seconds": dict(times.seconds),
        "starts": plain(times.starts),
        "estimates": {
            direction: {**plain(estimate), "seen_from": estimate.seen_from}
            for direction, estimate in times.estimates.items()
        },
    }
