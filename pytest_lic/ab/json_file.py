"""A comparison of two commits as one JSON file with all its numbers, and read back from it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pytest_lic.ab.checkout import Revision
from pytest_lic.ab.estimate import Estimate, Interval, Speed
from pytest_lic.ab.result import DIRECTIONS, CellResult, Compared, Demand, Start, Timed
from pytest_lic.baselines.comparison import Comparison
from pytest_lic.errors import Unavailable, UsageError
from pytest_lic.measuring.measure import Measurement
from pytest_lic.system.environment import Environment

FORMAT = 1


def ab_json(found: Compared) -> dict[str, Any]:
    """Every number: the log-ratio of each quartet in each start, estimates, measurements."""
    return {
        "format": FORMAT,
        "base": asdict(found.base),
        "head": asdict(found.head),
        "fails": found.fails,
        "demand": asdict(found.demand),
        "environment": found.environment.to_json(),
        "seconds": found.seconds,
        "one_sided": dict(found.one_sided),
        "left_out": dict(found.left_out),
        "lost": dict(found.lost),
        "notes": list(found.notes),
        "cells": [_cell_json(result, found.demand.fail_slower) for result in found.cells],
    }


def load_ab(path: Path) -> Compared:
    """Read what ``pytest-lic ab --json`` wrote.

    Of a cell that is broken on both sides the file has the id alone: it is among what was left out.

    Raises:
        UsageError: a file that can't be read, is something else, of a newer format, or damaged.
    """
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--ab {path}: can't be read: {error}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"--ab {path}: not valid JSON ({error}); expected what pytest-lic ab --json wrote"
        ) from error
    if not isinstance(stored, dict) or not {"format", "base", "head", "demand"} <= stored.keys():
        raise UsageError(
            f"--ab {path}: no comparison of two commits; expected what pytest-lic ab --json wrote"
        )
    version = stored["format"]
    if isinstance(version, int) and version > FORMAT:
        raise UsageError(
            f"--ab {path}: of format {version}; this pytest-lic reads up to {FORMAT}: upgrade it"
        )
    try:
        return _compared(stored)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise UsageError(
            f"--ab {path}: damaged ({type(error).__name__}: {error}); compare again"
        ) from error


def _compared(stored: Mapping[str, Any]) -> Compared:
    cells = [_cell(each) for each in stored["cells"]]
    broken = {
        str(each["cell"]): f"broken on both sides: {each['head']['error']}"
        for each, cell in zip(stored["cells"], cells, strict=True)
        if cell is None
    }
    return Compared(
        Revision(**stored["base"]),
        Revision(**stored["head"]),
        Demand(**stored["demand"]),
        Environment(**stored["environment"]),
        tuple(cell for cell in cells if cell is not None),
        dict(stored["one_sided"]),
        dict(stored["left_out"]) | broken,
        dict(stored["lost"]),
        stored["seconds"],
        tuple(stored["notes"]),
    )


def _cell(stored: Mapping[str, Any]) -> CellResult | None:
    base, head = _side(stored["base"]), _side(stored["head"])
    measured = next((side for side in (base, head) if isinstance(side, Measurement)), None)
    if measured is None:
        return None
    quality = stored["quality"]
    return CellResult(
        measured.cell,
        base,
        head,
        None if quality is None else Comparison.from_json(quality),
        _timed(stored["times"]),
    )


def _side(stored: Mapping[str, Any]) -> Measurement | Unavailable:
    if "error" in stored:
        return Unavailable(str(stored["error"]))
    return Measurement.from_json(stored)


def _timed(stored: Any) -> Timed | Unavailable:
    if isinstance(stored, str):
        return Unavailable(stored)
    return Timed(
        tuple(
            Start(*(tuple(map(tuple, start[direction])) for direction in DIRECTIONS))
            for start in stored["starts"]
        ),
        {direction: float(stored["seconds"][direction]) for direction in DIRECTIONS},
        {direction: _estimate(stored["estimates"][direction]) for direction in DIRECTIONS},
    )


def _estimate(stored: Mapping[str, Any]) -> Estimate:
    alone, together = (
        None
        if stored[name] is None
        else Interval(float(stored[name]["low"]), float(stored[name]["high"]))
        for name in ("interval", "corrected")
    )
    ratio = float(stored["ratio"])
    return Estimate(ratio, alone, together, stored["starts"], Speed(stored["verdict"]))


def _cell_json(result: CellResult, threshold: float) -> dict[str, Any]:
    return {
        "cell": result.cell.id,
        "slower": list(result.slower(threshold)),
        "worse": result.worse,
        "quality": result.quality.to_json() if result.quality is not None else None,
        "base": _side_json(result.base),
        "head": _side_json(result.head),
        "times": _times_json(result.times),
    }


def _side_json(side: Measurement | Unavailable) -> Any:
    return {"error": side.reason} if isinstance(side, Unavailable) else side.to_json()


def _times_json(times: Timed | Unavailable) -> Any:
    if isinstance(times, Unavailable):
        return times.reason
    return {
        "seconds": dict(times.seconds),
        "starts": [asdict(start) for start in times.starts],
        "estimates": {name: _estimate_json(each) for name, each in times.estimates.items()},
    }


def _estimate_json(found: Estimate) -> dict[str, Any]:
    return asdict(found) | {"verdict": found.verdict.value, "seen_from": found.seen_from}
