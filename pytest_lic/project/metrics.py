"""The metrics that the user's project registers, checked before anything is measured."""

from __future__ import annotations

import math

import pytest

from pytest_lic.errors import UsageError
from pytest_lic.measuring.metrics import BUILT_IN, Metric, set_registered
from pytest_lic.project.registration import Registered, entry_points

ENTRY_POINTS = "pytest_lic.metrics"


def find_metrics(config: pytest.Config) -> None:
    """Have `METRICS` know those of the hook ``pytest_lic_metrics`` and of the entry points.

    Raises:
        UsageError: a hook or an entry point that fails or yields something else, a metric that
            does not state its facts, or two of one name.
    """
    registered = Registered[Metric]("metrics", (Metric,))
    registered.add("pytest-lic", BUILT_IN)
    registered.add_hooks("pytest_lic_metrics", config.hook.pytest_lic_metrics)
    for entry in entry_points(ENTRY_POINTS):
        registered.add_entry_point(entry)
    own = {metric.name for metric in BUILT_IN}
    added = [metric for name, metric in registered.by_name.items() if name not in own]
    headings = {heading: metric.name for metric in BUILT_IN for heading in metric.columns(None)}
    for metric in added:
        _check(metric)
        other = headings.setdefault(metric.heading, metric.name)
        if other != metric.name:
            raise UsageError(
                f"metric {metric.name!r}: {metric.heading!r} is the heading of {other!r} in every "
                "table; give it another label"
            )
    set_registered(added)


def _check(metric: Metric) -> None:
    wanted = {"label": str, "unit": str, "higher_is_better": bool, "decimals": int}
    for fact, kind in wanted.items():
        value = getattr(metric, fact, None)
        if not isinstance(value, kind):
            raise UsageError(
                f"metric {metric.name!r}: {fact} is {value!r}; expected a {kind.__name__}"
            )
    if not metric.name.isidentifier() or metric.name == "bd_rate":
        raise UsageError(
            f"metric {metric.name!r}: its name stands in options and files; expected letters, "
            "digits and underscores, and another name than bd_rate"
        )
    tolerance = getattr(metric, "tolerance", None)
    if (
        not isinstance(tolerance, tuple)
        or len(tolerance) != 2
        or not all(isinstance(part, int | float) and 0 <= part < math.inf for part in tolerance)
    ):
        raise UsageError(
            f"metric {metric.name!r}: tolerance is {tolerance!r}; expected two numbers ≥ 0, for "
            "the mean and for a single image"
        )
