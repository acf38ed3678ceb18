"""The metrics that the user's project registers, checked before anything is measured."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import NoneType

import pytest

from pytest_lic.errors import LicError, UsageError, is_crash
from pytest_lic.measuring.metrics import BUILT_IN, Metric, set_registered
from pytest_lic.project.registration import Registered, entry_points

ENTRY_POINTS = "pytest_lic.metrics"
_MOST_DECIMALS = 12  # that a results file may tell of a metric


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
    texts = dict.fromkeys(("label", "unit", "definition", "implementation"), str)
    texts |= dict.fromkeys(("reference", "needs"), str)
    numbers = dict.fromkeys(("decimals", "stored_decimals", "mean_decimals"), int)
    wanted = {**texts, "higher_is_better": bool, "relative": bool, **numbers}
    for fact, kind in wanted.items():
        value = getattr(metric, fact, None)
        if not isinstance(value, kind):
            raise UsageError(
                f"metric {metric.name!r}: {fact} is {value!r}; expected a {kind.__name__}"
            )
    if not 0 <= metric.decimals <= _MOST_DECIMALS:
        raise UsageError(
            f"metric {metric.name!r}: decimals is {metric.decimals}; expected 0 to {_MOST_DECIMALS}"
        )
    _check_told(metric, "variant", lambda: metric.variant, (str, NoneType))
    _check_told(metric, "fingerprint", metric.fingerprint, (str,))
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


def _check_told(
    metric: Metric, fact: str, told: Callable[[], object], kinds: tuple[type, ...]
) -> None:
    """See that a metric can tell a fact of itself, which stands in files."""
    try:
        value = told()
    except LicError:
        raise
    except BaseException as error:
        if not is_crash(error):
            raise
        raise UsageError(
            f"metric {metric.name!r}: its {fact} failed: {type(error).__name__}: {error}"
        ) from error
    if not isinstance(value, kinds):
        raise UsageError(f"metric {metric.name!r}: its {fact} is {value!r}; expected a text")
