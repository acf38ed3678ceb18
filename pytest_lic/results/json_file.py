"""The results of one run as one JSON file, and read back from it.

    {
     "format": 1, "pytest_lic": "0.1.0", "created": "2026-11-25T20:15:00+00:00",
     "run": {"exit_status": 1, "command": […], "commit": {…}, "strict": false, "tolerances": {…}},
     "families": {"fp-gdn": {"qualities": {"1": 0.0018}, "tags": {…}}},
     "environments": {"<digest>": {…}},
     "points": [{"comparison": {…}, "measured": {…}, "baseline": {…}}],
     "curves": [{"comparison": {…}, "family": "fp-gdn", "setting": {…}, "anchors": […]}],
     "tests": [{"id": "…", "outcome": "failed", "checks": ["rd"], "subject": "…", "text": "…"}],
     "times": [{"name": "…", "median": 0.01, "iqr": 0.001, "rounds": 7, "cell": {…}}],
     "remarks": ["…"],
     "crops": [{"subject": "…", "image": "…", "left": 0, "top": 0, "original": "<PNG>", …}]
    }

``crops`` is there if something regressed (see `crop`), and may be taken out of a file. A
measurement stands in it as in a baseline file (see `entry_json`). JSON knows no infinity: a
difference from a lossless image and a tolerance of infinity are written as ``"inf"``, what is no
number as ``"nan"``.

`schema` says what a file may hold.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET

from pytest_lic.baselines.comparison import Comparison
from pytest_lic.baselines.entry_json import entry_of, measurement_of
from pytest_lic.baselines.layered import by_digest
from pytest_lic.baselines.tolerances import Tolerance
from pytest_lic.errors import ResultsError
from pytest_lic.measuring.measure import Measurement
from pytest_lic.results.results import CurveResult, PointResult, Results, RunFacts
from pytest_lic.results.schema import (
    FORMAT,
    CommitPart,
    ComparisonPart,
    CurvePart,
    Measured,
    PointPart,
    ResultsFile,
    RunPart,
    Tolerances,
)
from pytest_lic.system.environment import Environment
from pytest_lic.system.typed_json import JsonFile, as_text, plain, structured

FILE = JsonFile("results", ResultsError, "run again with --lic-json {file}", newest=FORMAT)
_T = TypeVar("_T")


def to_text(results: Results) -> str:
    """The JSON file of a run's results."""
    return as_text(to_json(results))


def to_json(results: Results) -> dict[str, Any]:
    """The JSON object of a run's results."""
    run = results.run
    measurements = [
        measurement
        for point in results.points
        for measurement in (point.measured, point.baseline)
        if measurement is not None
    ]
    file = ResultsFile(
        format=FORMAT,
        pytest_lic=run.pytest_lic,
        created=run.created,
        run=RunPart(
            exit_status=run.exit_status,
            command=list(run.command),
            commit=None if run.commit is None else CommitPart(id=run.commit, changed=run.changed),
            strict=run.strict,
            tolerances=Tolerances(**run.tolerances),
        ),
        families=dict(results.families),
        environments=by_digest(measurement.environment for measurement in measurements),
        points=[
            PointPart(
                comparison=_as(ComparisonPart, point.comparison),
                measured=_measured(point.measured),
                baseline=_measured(point.baseline),
            )
            for point in results.points
        ],
        curves=[
            CurvePart(
                comparison=_as(ComparisonPart, curve.comparison),
                family=curve.family,
                setting=curve.setting,
                anchors=list(curve.anchors),
            )
            for curve in results.curves
        ],
        tests=list(results.tests),
        times=list(results.times),
        remarks=list(results.remarks),
        crops=list(results.crops) or UNSET,
    )
    stored: dict[str, Any] = json_value(file)
    stored["created"] = run.created.isoformat(timespec="seconds")
    if results.crops:
        stored["crops"] = [
            {key: value for key, value in crop.items() if value is not None}
            for crop in stored["crops"]
        ]
    return stored


def load(path: Path) -> Results:
    """Read a results file.

    Raises:
        ResultsError: no such file, not JSON, of a newer format, or not what the schema asks for.
    """
    stored = FILE.read(path)
    with FILE.parsing(path):
        return _results(structured(stored, ResultsFile))


def json_value(value: Any) -> Any:
    """A value as JSON has it: infinite numbers, and what is none, as text."""
    return _finite(plain(value))


def _results(file: ResultsFile) -> Results:
    run, commit = file.run, file.run.commit
    return Results(
        RunFacts(
            file.created,
            file.pytest_lic,
            run.exit_status,
            tuple(run.command),
            None if commit is None else commit.id,
            commit is not None and commit.changed,
            run.strict,
            _as(dict[str, Tolerance], msgspec.to_builtins(run.tolerances)),
        ),
        file.families,
        tuple(
            PointResult(
                _as(Comparison, point.comparison),
                _measurement(point.measured, file.environments),
                _measurement(point.baseline, file.environments),
            )
            for point in file.points
        ),
        tuple(
            CurveResult(
                _as(Comparison, curve.comparison), curve.family, curve.setting, tuple(curve.anchors)
            )
            for curve in file.curves
        ),
        tuple(file.tests),
        tuple(file.times),
        tuple(file.remarks),
        tuple(file.crops or ()),
    )


def _as(kind: type[_T], value: Any) -> _T:
    """A part of the file as what stands for it in `Results`, or the other way round."""
    return msgspec.convert(value, kind, from_attributes=True, strict=False)


def _measured(measurement: Measurement | None) -> Measured | None:
    if measurement is None:
        return None
    reasons = {
        metric: reason
        for image in measurement.images.values()
        for metric, reason in image.unavailable.items()
    }
    entry = msgspec.structs.asdict(entry_of(measurement))
    return Measured(**entry | {"family": measurement.cell.family, "unavailable": reasons or UNSET})


def _measurement(
    measured: Measured | None, environments: Mapping[str, Environment]
) -> Measurement | None:
    if measured is None:
        return None
    measurement = measurement_of(measured, measured.family, environments)
    reasons = measured.unavailable or {}
    images = {
        name: replace(image, unavailable=_without(reasons, image.metrics))
        for name, image in measurement.images.items()
    }
    return replace(measurement, images=images)


def _without(reasons: Mapping[str, str], metrics: Mapping[str, float]) -> dict[str, str]:
    return {metric: reason for metric, reason in reasons.items() if metric not in metrics}


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_finite(item) for item in value)
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
