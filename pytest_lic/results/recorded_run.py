"""Reads a run back: from the file of its results, or from the folder of baselines it recorded."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from pytest_lic.baselines import costs
from pytest_lic.baselines import entries as baseline
from pytest_lic.baselines.comparison import Comparison, Verdict
from pytest_lic.baselines.layered import FILE, families_in
from pytest_lic.baselines.tolerances import DEFAULT_TOLERANCES, Tolerance
from pytest_lic.errors import ResultsError
from pytest_lic.results.json_file import load
from pytest_lic.results.results import (
    ComplexityResult,
    FamilyFacts,
    MemoryResult,
    PointResult,
    Results,
    RunFacts,
)
from pytest_lic.system.environment import package_version

RECORDED = ("what", "is", "recorded", "in")
"""What stands in place of a command where a folder of baselines is read."""


def load_run(path: Path, tolerances: Mapping[str, Tolerance] = DEFAULT_TOLERANCES) -> Results:
    """Read what a run left at ``path``, a results file or a folder of baselines.

    ``tolerances`` are a folder's, which holds none itself.

    Raises:
        ResultsError: nothing there, a damaged file or one of a newer format, or a folder without
            baselines.
        BaselineError: a baseline file that can't be read.
    """
    if not path.is_dir():
        return load(path)
    for file in path.glob("[!.]*.json"):
        FILE.read(file)  # an error says what is wrong with it
    families = {
        name: list(baseline.load(path, name).values()) for name in families_in(path, "entries")
    }
    known = {name: costs.load(path, name) for name in families}
    if not any(families.values()) and not any(known.values()):
        raise ResultsError(
            f"{path} holds no baselines; expected a folder that --lic-update wrote, or a file that "
            "--lic-json wrote"
        )
    written = max((path / f"{name}.json").stat().st_mtime for name in families)
    return Results(
        RunFacts(
            created=datetime.fromtimestamp(written, UTC),
            pytest_lic=package_version("pytest-lic") or "",
            exit_status=0,
            command=(*RECORDED, str(path)),
            commit=None,
            changed=False,
            strict=False,
            tolerances=tolerances,
        ),
        {
            name: FamilyFacts({point.cell.quality: point.lmbda for point in measurements}, {})
            for name, measurements in families.items()
        },
        points=tuple(
            PointResult(_recorded(measurement.cell.id), measurement)
            for measurements in families.values()
            for measurement in measurements
        ),
        complexity=tuple(
            ComplexityResult(_recorded(f"{name}-q{quality}"), name, quality, complexity)
            for name, recorded in known.items()
            for quality, complexity in recorded.complexity.items()
        ),
        memory=tuple(
            MemoryResult(_recorded(f"{name}-q{quality}"), name, quality, device, found.memory)
            for name, recorded in known.items()
            for (quality, device), found in recorded.memory.items()
        ),
    )


def _recorded(subject: str) -> Comparison:
    return Comparison(subject, Verdict.NEW, "recorded")
