"""Made-up times of codecs, and made-up comparisons of two commits."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from pytest_lic.ab.checkout import Revision
from pytest_lic.ab.estimate import Estimate, Interval, Speed
from pytest_lic.ab.json_file import ab_json
from pytest_lic.ab.result import DIRECTIONS, CellResult, Compared, Demand, Start, Timed
from pytest_lic.baselines.comparison import compare
from pytest_lic.baselines.tolerances import DEFAULT_TOLERANCES
from pytest_lic.results.results import TimeResult
from pytest_lic.timing.stages import REST
from tests.helpers.measurements import HERE, measurement


def timings(
    *families: str,
    device: str = "cpu",
    device_name: str = "a processor",
    resolutions: Sequence[int] = (256, 512),
    batches: Sequence[int] = (1, 4),
    stage: str = "analysis",
) -> tuple[TimeResult, ...]:
    """Both directions of each family: 1 ms for each 64 × 64 px, decoding twice, the next the same.

    Three quarters of a time are one stage's.
    """
    return tuple(
        _time(family, device, device_name, resolution, batch, direction, stage, place)
        for place, family in enumerate(families, start=1)
        for resolution in resolutions
        for batch in batches
        for direction in DIRECTIONS
    )


def _time(
    family: str,
    device: str,
    device_name: str,
    resolution: int,
    batch: int,
    direction: str,
    stage: str,
    place: int,
) -> TimeResult:
    seconds = 1e-3 * place * batch * (resolution / 64) ** 2 * (2 if direction == "decode" else 1)
    facts = {
        "lic_format": 1,
        "family": family,
        "quality": "3",
        "direction": direction,
        "corpus": "rand",
        "resolution": resolution,
        "batch": batch,
        "device": device,
        "device_name": device_name,
        "threads": 1,
        "environment": asdict(HERE),
        "warm_up": {"rounds": 6, "settled": True},
        "stages": {"seconds": {stage: 0.75 * seconds, REST: 0.25 * seconds}},
    }
    name = f"{family}-q3-rand-{resolution}px-b{batch}-{device}-{direction}"
    return TimeResult(name, seconds, 0.05 * seconds, 7, facts)


def compared(
    *ratios: float, name: str = "HEAD", family: str = "toy", cells: int | None = None
) -> Compared:
    """Two commits of a codec; a cell for each ratio, known to 1 %."""
    found = []
    for number in range(cells or len(ratios)):
        ratio = ratios[number % len(ratios)]
        measured = measurement(family=family, quality=str(number + 1), lmbda=None)
        found.append(
            CellResult(
                measured.cell,
                measured,
                measured,
                compare(measured, measured, DEFAULT_TOLERANCES),
                Timed(
                    (Start(((0.1, 0.2),), ((0.1,),)),),
                    {"encode": 0.008, "decode": 0.009},
                    {"encode": _estimate(ratio), "decode": _estimate(1.0)},
                ),
            )
        )
    return Compared(
        Revision("HEAD~1", "a" * 40, f"before {name}"),
        Revision(name, "b" * 40, name),
        Demand(),
        HERE,
        tuple(found),
        {name: "head"},
        {name: name},
        {},
        60.0,
        (name,),
    )


def _estimate(ratio: float) -> Estimate:
    verdict = Speed.NO_DIFFERENCE
    if abs(ratio - 1) > 0.01:
        verdict = Speed.SLOWER if ratio > 1 else Speed.FASTER
    alone, together = (Interval(ratio - width, ratio + width) for width in (0.005, 0.01))
    return Estimate(ratio, alone, together, 5, verdict)


def written(folder: Path, found: Compared) -> Path:
    path = folder / "ab.json"
    path.write_text(json.dumps(ab_json(found)))
    return path
