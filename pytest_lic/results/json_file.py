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
     "crops": [{"subject": "…", "image": "…", "left": 0, "top": 0, "original": "<PNG>", …}],
     "complexity": [{"comparison": {…}, "family": "fp-gdn", "quality": "1", "measured": {…}, …}],
     "memory": [{"comparison": {…}, "family": "fp-gdn", "quality": "1", "device": "cpu", …}],
     "progressive": [{"subject": "…", "family": "…", "quality": "2", "passes": 10, "parts": […]}],
     "shard": {"number": 3, "count": 16, "cells": 12, "whole": 192, "plan": "<digest>", …}
    }

``run`` has a ``failure`` if the run failed after its tests. ``metrics`` describes those that not
every run computes, so that a reader needs no project to show them. ``crops`` is there if something
regressed or some were asked for (see `crop`), and may be taken out of a file; ``complexity``,
``memory`` and ``progressive`` if any was looked at; ``shard`` if the run was one part of a larger
one. A measurement stands in it as in a baseline file (see `entry_json`). JSON knows no infinity: a
difference from a lossless image and a tolerance of infinity are written as ``"inf"``, what is no
number as ``"nan"``.

`schema` says what a file may hold.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from dataclasses import fields as dataclass_fields
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from pytest_lic.baselines.comparison import Comparison, Difference
from pytest_lic.baselines.entry_json import entry_of, measurement_of
from pytest_lic.baselines.layered import by_digest, named_in
from pytest_lic.baselines.tolerances import Tolerance
from pytest_lic.errors import ResultsError
from pytest_lic.measuring.measure import Measurement, reported_metrics
from pytest_lic.measuring.metrics import METRICS, add_described
from pytest_lic.measuring.metrics.base import Metric
from pytest_lic.results.results import (
    ComplexityResult,
    CurveResult,
    MemoryResult,
    PointResult,
    Results,
    RunFacts,
    TestResult,
)
from pytest_lic.results.schema import (
    FORMAT,
    ComparisonPart,
    ComplexityPart,
    CurvePart,
    Measured,
    MemoryPart,
    MetricPart,
    PointPart,
    ResultsFile,
)
from pytest_lic.system.environment import Environment
from pytest_lic.system.typed_json import JsonFile, item_text, plain, structured, text_parts

FILE = JsonFile("results", ResultsError, "run again with --lic-json {file}", newest=FORMAT)
_T = TypeVar("_T")


@dataclass(frozen=True)
class Frame:
    """All that a results file has beside its points and tests, of which there may be a million.

    Args:
        results: without points and tests.
        environments: digest → each that something was measured in.
        metrics: the names of those that points have.
    """

    results: Results
    environments: Mapping[str, Environment]
    metrics: frozenset[str]

    @classmethod
    def of(cls, results: Results) -> Frame:
        """That of whole results."""
        sides = [side for point in results.points for side in (point.measured, point.baseline)]
        measured: list[Measurement | MemoryResult] = [side for side in sides if side is not None]
        environments = [one.environment for one in (*measured, *results.memory)]
        return cls(
            replace(results, points=(), tests=()),
            by_digest(one for one in environments if one is not None),
            frozenset(metric.name for metric in reported_metrics(sides)),
        )


def to_text(results: Results) -> str:
    """The JSON file of a run's results."""
    return "".join(to_parts(results))


def to_parts(results: Results) -> Iterator[str]:
    """The text of the JSON file, in parts: what many points take together would fill the memory."""
    return parts_around(
        Frame.of(results), map(text_of_point, results.points), map(text_of_test, results.tests)
    )


def parts_around(frame: Frame, points: Iterable[str], tests: Iterable[str]) -> Iterator[str]:
    """The text of the JSON file in parts, its points and tests being text already."""
    return text_parts(_stored(frame), {"points": points, "tests": tests})


def text_of_point(point: PointResult) -> str:
    """A point as it stands in the file."""
    return item_text(json_value(_point(point)))


def text_of_test(test: TestResult) -> str:
    """A test as it stands in the file."""
    return item_text(_test(test))


def to_json(results: Results) -> dict[str, Any]:
    """The JSON object of a run's results."""
    points = [json_value(_point(point)) for point in results.points]
    stored = _stored(Frame.of(results))
    return {**stored, "points": points, "tests": list(map(_test, results.tests))}


def _test(test: TestResult) -> dict[str, Any]:
    stored: dict[str, Any] = json_value(test)
    if stored.get("seconds") is None:
        stored.pop("seconds", None)
    return stored


def _point(point: PointResult) -> dict[str, Any]:
    return {
        "comparison": _as(ComparisonPart, point.comparison),
        "measured": _measured(point.measured),
        "baseline": _measured(point.baseline),
    }


def _stored(frame: Frame) -> dict[str, Any]:
    """All but the points and the tests."""
    results, run = frame.results, frame.results.run
    named = {*run.tolerances, *frame.metrics}
    described = {
        name: _as(MetricPart, metric)
        for name, metric in METRICS.items()
        if name in named and metric.of_pixels and not metric.by_default
    }
    stored: dict[str, Any] = json_value(
        {
            "format": FORMAT,
            "pytest_lic": run.pytest_lic,
            "created": run.created.isoformat(timespec="seconds"),
            "run": {
                "exit_status": run.exit_status,
                "command": list(run.command),
                "commit": None
                if run.commit is None
                else {"id": run.commit, "changed": run.changed},
                "strict": run.strict,
                "tolerances": run.tolerances,
                **({"failure": run.failure} if run.failure else {}),
            },
            "families": results.families,
            **({"metrics": described} if described else {}),
            "environments": frame.environments,
            "points": [],
            "curves": _as(list[CurvePart], results.curves),
            "tests": [],
            "times": list(results.times),
            "remarks": list(results.remarks),
            "crops": results.crops,
            **(
                {"complexity": _as(list[ComplexityPart], results.complexity)}
                if results.complexity
                else {}
            ),
            **({"memory": list(map(_memory_part, results.memory))} if results.memory else {}),
            **({"progressive": results.progressive} if results.progressive else {}),
            **({"shard": results.shard} if results.shard is not None else {}),
        }
    )
    for curve in stored["curves"]:
        for anchor in curve["anchors"]:
            if not anchor["by_metric"]:
                del anchor["by_metric"]
    crops = stored.pop("crops")
    if crops:
        stored["crops"] = [
            {key: value for key, value in crop.items() if value is not None} for crop in crops
        ]
    return stored


def load(path: Path) -> Results:
    """Read a results file.

    Raises:
        ResultsError: no such file, not JSON, of a newer format, or not what the schema asks for.
    """
    return from_value(FILE.read(path), path)


def from_value(stored: Any, path: Path) -> Results:
    """The results of a JSON value that was read from ``path``; raises as `load`."""
    with FILE.parsing(path):
        return results_of(structured(stored, ResultsFile), path)


def json_value(value: Any) -> Any:
    """A value as JSON has it: infinite numbers, and what is none, as text."""
    return _finite(plain(value))


def results_of(file: ResultsFile, path: Path) -> Results:
    """The results in what was read from ``path``; ValueError where parts of it don't fit."""
    described = (file.metrics or {}).items()
    for name, facts in described:
        _check_meaning(name, facts, path)
    add_described(Metric.described(name, plain(facts)) for name, facts in described)
    check_metrics(file)
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
            "" if run.failure is msgspec.UNSET else run.failure,
        ),
        file.families,
        tuple(point_result(point, file.environments) for point in file.points),
        _as(tuple[CurveResult, ...], file.curves),
        file.tests,
        file.times,
        file.remarks,
        file.crops or (),
        _as(tuple[ComplexityResult, ...], file.complexity or ()),
        tuple(_memory_result(part, file.environments) for part in file.memory or ()),
        file.progressive or (),
        file.shard or None,
    )


def _check_meaning(name: str, facts: MetricPart, path: Path) -> None:
    """ResultsError where a metric means something else than what is known by its name."""
    known = METRICS.get(name)
    for fact in ("higher_is_better", "relative", "unit"):
        here, there = getattr(known, fact, None), getattr(facts, fact)
        if known is not None and here != there:
            raise ResultsError(
                f"results {path}: {fact} of metric {name} is {there!r} there, and {here!r} "
                "elsewhere, so that their numbers can't be compared; rename one of the two, and "
                "run again"
            )


def check_metrics(file: ResultsFile) -> None:
    """ValueError where a number is of a metric that neither the file nor this version describes."""
    if "bd_rate" not in file.run.tolerances:
        raise ValueError("$.run.tolerances lacks bd_rate")
    known = {*METRICS, "bd_rate", *(f"bd_rate:{name}" for name in METRICS)}
    named = [(f"$.run.tolerances has {name!r}", name) for name in file.run.tolerances]
    for part in ("points", "curves"):
        for place, one in enumerate(getattr(file, part)):
            for number, difference in enumerate(one.comparison.differences):
                where = f"$.{part}[{place}].comparison.differences[{number}].metric"
                named.append((f"{where} is {difference.metric!r}", difference.metric))
    for where, name in named:
        if name not in known:
            raise ValueError(
                f"{where}: no metric of that name; expected {', '.join([*METRICS, 'bd_rate'])}"
            )


def _as(kind: type[_T], value: Any) -> _T:
    """A part of the file as what stands for it in `Results`, or the other way round."""
    return msgspec.convert(value, kind, from_attributes=True, strict=False)


def _memory_part(memory: MemoryResult) -> MemoryPart:
    here = memory.environment
    fields = {field.name: getattr(memory, field.name) for field in dataclass_fields(memory)}
    fields["comparison"] = _as(ComparisonPart, memory.comparison)
    return MemoryPart(**{**fields, "environment": msgspec.UNSET if here is None else here.digest})


def _memory_result(part: MemoryPart, environments: Mapping[str, Environment]) -> MemoryResult:
    digest = part.environment
    return MemoryResult(
        _as(Comparison, part.comparison),
        part.family,
        part.quality,
        part.device,
        part.measured,
        part.baseline,
        None if digest is msgspec.UNSET else named_in(environments, digest),
    )


def _measured(measurement: Measurement | None) -> dict[str, Any] | None:
    if measurement is None:
        return None
    reasons = {
        metric: reason
        for image in measurement.images.values()
        for metric, reason in image.unavailable.items()
    }
    stored: dict[str, Any] = plain(entry_of(measurement, measurement.cell.family))
    return stored | ({"unavailable": reasons} if reasons else {})


def point_result(point: PointPart, environments: Mapping[str, Environment]) -> PointResult:
    """A point as it stands in the file; ValueError where it is of none of the environments."""
    measured = _measurement(point.measured, environments)
    same = point.baseline == point.measured  # as of most, where nothing has changed
    baseline = measured if same else _measurement(point.baseline, environments)
    one = point.comparison
    differences = tuple(_as(Difference, difference) for difference in one.differences)
    return PointResult(
        Comparison(one.subject, one.verdict, one.reason, differences), measured, baseline
    )


def _measurement(
    measured: Measured | None, environments: Mapping[str, Environment]
) -> Measurement | None:
    if measured is None:
        return None
    measurement = measurement_of(measured, measured.family, environments)
    reasons = measured.unavailable or {}
    if not reasons:
        return measurement
    images = {}
    for name, image in measurement.images.items():
        lacking = {metric: why for metric, why in reasons.items() if metric not in image.metrics}
        images[name] = replace(image, unavailable=lacking)
    return replace(measurement, images=images)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_finite(item) for item in value)
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
