"""How much worse each metric may get before a gate fails: defaults, and the project's own."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_lic.errors import UnknownNameError, UsageError
from pytest_lic.measuring.metrics import DEFAULTS, METRICS, Metric


@dataclass(frozen=True)
class Tolerance:
    """How much worse a metric may get, in the mean and on a single image.

    In percent for BD-rate, else in the metric's `tolerance_unit`.
    """

    mean: float
    image: float


def default_tolerances() -> dict[str, Tolerance]:
    """Of every metric that is known now, and of BD-rate."""
    metrics = {name: Tolerance(*metric.tolerance) for name, metric in METRICS.items()}
    return metrics | {"bd_rate": Tolerance(0.1, 0.1)}


def tolerances_of(
    metrics: Iterable[Metric], tolerances: Mapping[str, Tolerance]
) -> dict[str, Tolerance]:
    """Those that count in a run that computes these metrics."""
    computed = {metric.name for metric in metrics}
    return {
        name: tolerance
        for name, tolerance in tolerances.items()
        if name not in METRICS or name in computed or not METRICS[name].of_pixels
    }


DEFAULT_TOLERANCES: Mapping[str, Tolerance] = tolerances_of(DEFAULTS, default_tolerances())
"""Those of a run that chooses neither metrics nor tolerances."""


def parse_tolerances(
    overrides: Mapping[str, object], where: str, base: Mapping[str, Tolerance] | None = None
) -> dict[str, Tolerance]:
    """``base`` with ``overrides``: each a number, or a table of ``mean`` and ``image``.

    Args:
        overrides: metric → its tolerance.
        where: they stand, for errors.
        base: `default_tolerances` unless given.

    Raises:
        UnknownNameError: a metric that is not gated.
        UsageError: a tolerance that is not a number of at least 0.
    """
    tolerances = default_tolerances() if base is None else dict(base)
    for metric, value in overrides.items():
        if metric not in tolerances:
            raise UnknownNameError("tolerance", metric, tolerances, where)
        parts: Mapping[str, Any] = (
            value if isinstance(value, Mapping) else {"mean": value, "image": value}
        )
        for part, number in parts.items():
            if part not in ("mean", "image"):
                raise UnknownNameError("part", str(part), ("mean", "image"), f"{where}, {metric}")
            if isinstance(number, bool) or not isinstance(number, int | float) or not number >= 0:
                raise UsageError(f"{where}: {metric}.{part} is {number!r}; expected a number ≥ 0")
        old = tolerances[metric]
        tolerances[metric] = Tolerance(
            float(parts.get("mean", old.mean)), float(parts.get("image", old.image))
        )
    return tolerances


def read_tolerances(pyproject: Path) -> dict[str, Tolerance]:
    """The table ``[tool.pytest_lic.tolerance]`` of a file over the defaults.

    Raises:
        UsageError: the file is not TOML, or the table is not what it should be.
    """
    if not pyproject.exists():
        return default_tolerances()
    try:
        text = pyproject.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{pyproject} is not valid TOML: {error}") from error
    return tolerances_in(text, str(pyproject))


def tolerances_in(toml: str, where: str) -> dict[str, Tolerance]:
    """The same of a file's text; ``where`` names it in errors."""
    try:
        stored = tomllib.loads(toml)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{where} is not valid TOML: {error}") from error
    table: object = stored.get("tool", {}).get("pytest_lic", {})
    for unknown in set(table) - {"tolerance"} if isinstance(table, dict) else ():
        raise UnknownNameError("table", unknown, ["tolerance"], f"[tool.pytest_lic] in {where}")
    if isinstance(table, dict):
        table = table.get("tolerance", {})
    if not isinstance(table, dict):
        raise UsageError(f"{where}: [tool.pytest_lic.tolerance] must be a table")
    return parse_tolerances(table, f"[tool.pytest_lic.tolerance] in {where}")
