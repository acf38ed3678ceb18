"""What a results file may hold, and its JSON Schema for other programs.

``python -m pytest_lic.results.schema`` writes the schema again, after a change here or in a class
that stands in the file as it is.
"""

from __future__ import annotations

import inspect
import json
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from pytest_lic.baselines.comparison import Verdict
from pytest_lic.baselines.costs import Complexity, Memory
from pytest_lic.baselines.entry_json import Entry
from pytest_lic.measuring.grid import Setting
from pytest_lic.measuring.rate_distortion import Interval
from pytest_lic.results.crop import Crop
from pytest_lic.results.results import (
    AnchorResult,
    FamilyFacts,
    ProgressiveResult,
    TestResult,
    TimeResult,
)
from pytest_lic.results.shard_facts import ShardFacts
from pytest_lic.system.environment import Environment
from pytest_lic.system.files import write_whole

FORMAT: Literal[1] = 1
_NAME = f"results-{FORMAT}.schema.json"
PATH = Path(__file__).parents[1] / "schemas" / _NAME
"""Where the schema lies, to be read by other programs."""

Number = Annotated[
    float | Literal["inf", "-inf", "nan"], Meta(description="JSON has no infinity and no NaN")
]
MetricName = Annotated[str, Meta(description="a metric, or bd_rate")]


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the file with all its keys."""


class DifferencePart(Part, frozen=True, kw_only=True, omit_defaults=True):
    """One number against its baseline."""

    metric: MetricName
    image: Annotated[str | None, Meta(description="null for the mean")]
    baseline: Number
    measured: Number
    worse_by: Annotated[Number, Meta(description="positive for the worse, in tolerance's unit")]
    tolerance: Number
    interval: Annotated[
        Interval | None, Meta(description="of 95 %, of the change over other images of the kind")
    ] = None


class ComparisonPart(Part, frozen=True, kw_only=True):
    """The verdict on one cell or curve."""

    subject: Annotated[str, Meta(description="id of the cell or curve")]
    verdict: Verdict
    reason: str
    differences: list[DifferencePart]


class Measured(Entry, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A measurement, with the reason for each metric that could not be computed."""

    family: str
    unavailable: dict[str, str] | UnsetType = UNSET


class PointPart(Part, frozen=True, kw_only=True):
    """One cell."""

    comparison: ComparisonPart
    measured: Measured | None
    baseline: Measured | None


class CurvePart(Part, frozen=True, kw_only=True):
    """One family over its qualities, in one setting."""

    comparison: ComparisonPart
    family: str
    setting: Setting
    anchors: list[AnchorResult]


class ComplexityPart(Part, frozen=True, kw_only=True):
    """What one quality of a family computes, and its weights."""

    comparison: ComparisonPart
    family: str
    quality: str
    measured: Complexity | None
    baseline: Complexity | None


class MemoryPart(Part, frozen=True, kw_only=True):
    """The memory that one quality of a family takes on a device, in bytes."""

    comparison: ComparisonPart
    family: str
    quality: str
    device: str
    measured: Memory | None
    baseline: Memory | None
    environment: Annotated[str, Meta(description="a key of environments")] | UnsetType = UNSET


class CommitPart(Part, frozen=True, kw_only=True):
    """What was checked out."""

    id: str
    changed: Annotated[bool, Meta(description="whether tracked files differ from it")]


class TolerancePart(Part, frozen=True, kw_only=True):
    """How much worse a metric may get."""

    mean: Number
    image: Number


class MetricPart(Part, frozen=True, kw_only=True):
    """What a reader must know of a metric that does not come with every pytest-lic."""

    label: str
    unit: str
    higher_is_better: bool
    decimals: Annotated[int, Meta(ge=0, le=12)]
    relative: bool
    definition: str


class RunPart(Part, frozen=True, kw_only=True):
    """The circumstances of the run."""

    exit_status: int
    command: list[str]
    commit: CommitPart | None
    strict: bool
    tolerances: Annotated[
        dict[MetricName, TolerancePart], Meta(extra_json_schema={"required": ["bd_rate"]})
    ]
    failure: Annotated[str, Meta(description="after the tests, if it was that")] | UnsetType = UNSET


class ResultsFile(Part, frozen=True, kw_only=True):
    """What --lic-json writes. Rates are bpp of the whole bitstream, MS-SSIM is linear."""

    format: Literal[1]
    pytest_lic: Annotated[str, Meta(description="version that wrote the file")]
    created: Annotated[datetime, Meta(tz=True)]
    run: RunPart
    families: dict[str, FamilyFacts]
    metrics: dict[str, MetricPart] | UnsetType = UNSET
    environments: dict[str, Environment]
    points: list[PointPart]
    curves: list[CurvePart]
    tests: tuple[TestResult, ...]
    times: tuple[TimeResult, ...]
    remarks: tuple[str, ...]
    crops: Annotated[tuple[Crop, ...], Meta(max_length=40)] | UnsetType = UNSET
    complexity: list[ComplexityPart] | UnsetType = UNSET
    memory: list[MemoryPart] | UnsetType = UNSET
    progressive: tuple[ProgressiveResult, ...] | UnsetType = UNSET
    shard: ShardFacts | UnsetType = UNSET


def schema() -> dict[str, Any]:
    """The JSON Schema of a results file, of this format, made from `ResultsFile`."""
    made = msgspec.json.schema(ResultsFile)
    for part in made["$defs"].values():
        if "description" in part:  # a docstring, which msgspec before 0.23 leaves indented
            part["description"] = inspect.cleandoc(part["description"])
        properties = part.get("properties", {})
        for name, kind in properties.items():  # those that have a default are written all the same,
            default = kind.pop("default", None)  # msgspec before 0.23 is silent on some
            if default is not None and name != "by_metric":  # which is left out where it is empty
                part["required"].append(name)
            elif name not in part["required"] and "anyOf" in kind:  # or left out where it is null
                (properties[name],) = (some for some in kind["anyOf"] if some != {"type": "null"})
        if properties:
            part["required"].sort()
            part["additionalProperties"] = False
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"https://pytest-lic.invalid/schemas/{_NAME}",
        **made,
    }


def schema_text() -> str:
    """The file at `PATH`."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    write_whole(PATH, schema_text().encode())
