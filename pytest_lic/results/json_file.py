"""What one run found out, as one JSON file, and read back from it.

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

``crops`` is there if something regressed (see `cropping`), and may be taken out of a file.

A measurement stands in it as in a baseline file (see `baseline_entry`). The schema that a file must
keep to is `pytest_lic/schemas/results-1.schema.json`. JSON knows no infinity: a difference from a
lossless image and a tolerance of infinity are written as ``"inf"``, what is no number as ``"nan"``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from pytest_lic.baselines.comparison import Comparison, Difference
from pytest_lic.baselines.entry_json import entry_from_json, entry_to_json
from pytest_lic.baselines.json_file import as_text, environments_from_json
from pytest_lic.baselines.tolerances import Tolerance
from pytest_lic.errors import ResultsError
from pytest_lic.measuring.grid import Setting
from pytest_lic.measuring.measure import Measurement
from pytest_lic.results.crop import Crop
from pytest_lic.results.results import (
    AnchorResult,
    CurveResult,
    FamilyFacts,
    PointResult,
    Results,
    RunFacts,
    TestResult,
    TimeResult,
)
from pytest_lic.system.environment import Environment

FORMAT = 1
_NUMBERS = ("baseline", "measured", "worse_by", "tolerance")


def to_text(results: Results) -> str:
    """The JSON file of a run's results."""
    return as_text(to_json(results))


def to_json(results: Results) -> dict[str, Any]:
    """The JSON object of a run's results."""
    run = results.run
    environments: dict[str, Environment] = {}

    def entry(measurement: Measurement | None) -> dict[str, Any] | None:
        if measurement is None:
            return None
        environments[measurement.environment.digest] = measurement.environment
        reasons = {
            metric: reason
            for image in measurement.images.values()
            for metric, reason in image.unavailable.items()
        }
        more = {"unavailable": reasons} if reasons else {}
        return {"family": measurement.cell.family, **entry_to_json(measurement), **more}

    points = [
        {
            "comparison": comparison_to_json(point.comparison),
            "measured": entry(point.measured),
            "baseline": entry(point.baseline),
        }
        for point in results.points
    ]
    return {
        "format": FORMAT,
        "pytest_lic": run.pytest_lic,
        "created": run.created.isoformat(timespec="seconds"),
        "run": {
            "exit_status": run.exit_status,
            "command": list(run.command),
            "commit": None if run.commit is None else {"id": run.commit, "changed": run.changed},
            "strict": run.strict,
            "tolerances": {
                metric: {part: _written(value) for part, value in asdict(each).items()}
                for metric, each in run.tolerances.items()
            },
        },
        "families": {
            name: {"qualities": dict(facts.qualities), "tags": dict(facts.tags)}
            for name, facts in results.families.items()
        },
        "environments": {name: environments[name].to_json() for name in sorted(environments)},
        "points": points,
        "curves": [
            {
                "comparison": comparison_to_json(curve.comparison),
                "family": curve.family,
                "setting": asdict(curve.setting),
                "anchors": [asdict(anchor) for anchor in curve.anchors],
            }
            for curve in results.curves
        ],
        "tests": [asdict(test) for test in results.tests],
        "times": [asdict(time) for time in results.times],
        "remarks": list(results.remarks),
        **({"crops": [crop.to_json() for crop in results.crops]} if results.crops else {}),
    }


def load(path: Path) -> Results:
    """Read a results file.

    Raises:
        ResultsError: no such file, not JSON, of a newer format, or not what the schema asks for.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ResultsError(f"results {path} can't be read: {error}") from error
    try:
        stored = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ResultsError(
            f"results {path} is not valid JSON ({error}): it was cut or edited; run again with "
            f"--lic-json {path.name}"
        ) from error
    version = stored.get("format") if isinstance(stored, dict) else None
    if isinstance(version, int) and version > FORMAT:
        raise ResultsError(
            f"results {path} is of format {version}; this pytest-lic reads up to {FORMAT}: upgrade "
            "it"
        )
    wrong = next(iter(_validator().iter_errors(stored)), None)
    if wrong is not None:
        raise ResultsError(f"results {path} is damaged: {wrong.json_path}: {wrong.message:.200}")
    try:
        return _results(stored)
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise ResultsError(f"results {path} is damaged: {error}") from error


def schema() -> dict[str, Any]:
    """The JSON Schema of a results file, of this format."""
    path = resources.files("pytest_lic") / "schemas" / f"results-{FORMAT}.schema.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


@cache
def _validator() -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(schema())


def _results(stored: Mapping[str, Any]) -> Results:
    environments = environments_from_json(stored)

    def measurement(entry: Mapping[str, Any] | None) -> Measurement | None:
        if entry is None:
            return None
        found = entry_from_json(entry["family"], dict(entry), environments)
        reasons = entry.get("unavailable", {})
        images = {
            name: replace(image, unavailable=_without(reasons, image.metrics))
            for name, image in found.images.items()
        }
        return replace(found, images=images)

    run = stored["run"]
    commit = run["commit"] or {"id": None, "changed": False}
    return Results(
        RunFacts(
            datetime.fromisoformat(stored["created"]),
            stored["pytest_lic"],
            run["exit_status"],
            tuple(run["command"]),
            commit["id"],
            commit["changed"],
            run["strict"],
            {
                metric: Tolerance(float(each["mean"]), float(each["image"]))
                for metric, each in run["tolerances"].items()
            },
        ),
        {name: FamilyFacts(**facts) for name, facts in stored["families"].items()},
        tuple(
            PointResult(
                _comparison_from_json(point["comparison"]),
                measurement(point["measured"]),
                measurement(point["baseline"]),
            )
            for point in stored["points"]
        ),
        tuple(
            CurveResult(
                _comparison_from_json(curve["comparison"]),
                curve["family"],
                Setting(**curve["setting"]),
                tuple(_anchor(anchor) for anchor in curve["anchors"]),
            )
            for curve in stored["curves"]
        ),
        tuple(TestResult(**{**test, "checks": tuple(test["checks"])}) for test in stored["tests"]),
        tuple(TimeResult(**time) for time in stored["times"]),
        tuple(stored["remarks"]),
        tuple(Crop.from_json(crop) for crop in stored.get("crops", ())),
    )


def _without(reasons: Mapping[str, str], metrics: Mapping[str, float]) -> dict[str, str]:
    return {metric: reason for metric, reason in reasons.items() if metric not in metrics}


def comparison_to_json(comparison: Comparison) -> dict[str, Any]:
    """A comparison as a results file has it, without numbers that JSON does not know."""
    return {
        **comparison.to_json(),
        "differences": differences_to_json(comparison.differences),
    }


def differences_to_json(differences: Iterable[Difference]) -> list[dict[str, Any]]:
    """The same of differences alone."""
    return [
        {key: _written(value) for key, value in asdict(difference).items()}
        for difference in differences
    ]


def _written(value: Any) -> Any:
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _comparison_from_json(stored: Mapping[str, Any]) -> Comparison:
    differences = [
        {key: float(value) if key in _NUMBERS else value for key, value in difference.items()}
        for difference in stored["differences"]
    ]
    return Comparison.from_json({**stored, "differences": differences})


def _anchor(stored: Mapping[str, Any]) -> AnchorResult:
    points: Sequence[Sequence[float]] = stored["points"]
    return AnchorResult(
        **{**stored, "points": tuple((bpp, psnr, ms_ssim) for bpp, psnr, ms_ssim in points)}
    )
