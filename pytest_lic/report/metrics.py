"""What metrics there are, for the terminal and as JSON: facts, definitions, and what is missing."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from pytest_lic.measuring.metrics import Metric
from pytest_lic.measuring.metrics.base import NONE
from pytest_lic.report.terminal.text import grid, terminal_text

FORMAT = 1
_WIDE = 200  # where nobody's terminal sets a width


@dataclass(frozen=True)
class MetricHere:
    """A metric on this machine.

    Args:
        metric: as the options have it.
        obstacle: why it can't be computed here and what to do; None where it can be.
        seconds: that it takes for one image; None where that was not asked for, or can't be.
    """

    metric: Metric
    obstacle: str | None
    seconds: float | None = None

    @property
    def best(self) -> float | None:
        """Of an image against itself; may be infinite."""
        metric = self.metric
        return metric.lossless if metric.best is None else metric.shown(metric.best)


def metrics_text(metrics: Sequence[MetricHere], *, width: int) -> str:
    """A table of the facts; below it the definitions, and what stands in the way of a metric."""
    return terminal_text(_parts(metrics), width or _WIDE)


def metrics_json(metrics: Sequence[MetricHere]) -> dict[str, Any]:
    """The same, and what tables have no room for."""
    return {"format": FORMAT, "metrics": {here.metric.name: _json(here) for here in metrics}}


def _parts(metrics: Sequence[MetricHere]) -> Iterator[RenderableType]:
    yield _table(metrics)
    for here in metrics:
        metric = here.metric
        variant = f" ({metric.variant})" if metric.variant else ""
        yield ""
        yield f"{metric.name}: {metric.definition or 'no definition is given'}{variant}"
        if metric.reference:
            yield f"  checked against {metric.reference}"
        if metric.needs:
            yield f"  needs {metric.needs}"
        if here.obstacle is not None:
            yield f"  unavailable here: {here.obstacle}"


def _table(metrics: Sequence[MetricHere]) -> Table:
    timed = any(here.seconds is not None for here in metrics)
    columns = ["metric", "unit", "better", "best", "tolerance", "computed by", "here"]
    table = grid([*columns, "seconds"] if timed else columns, (3, 7), unwrapped=(0, 2, 3, 6, 7))
    for here in metrics:
        metric = here.metric
        row = [
            metric.name,
            escape(metric.unit) or NONE,
            "higher" if metric.higher_is_better else "lower",
            _number(here.best),
            escape(_tolerance(metric)),
            escape(metric.computed_by),
            "yes" if here.obstacle is None else "no",
        ]
        if timed:
            row.append(NONE if here.seconds is None else f"{here.seconds:.3f}")
        table.add_row(*row)
    return table


def _tolerance(metric: Metric) -> str:
    mean, image = metric.tolerance
    unit = f" {metric.tolerance_unit}" if metric.tolerance_unit else ""
    return f"{mean:g}, {image:g}{unit}"


def _number(value: float | None) -> str:
    if value is None:
        return NONE
    return "∞" if math.isinf(value) else f"{value:g}"


def _json(here: MetricHere) -> dict[str, Any]:
    metric = here.metric
    mean, image = metric.tolerance
    return {
        "label": metric.label,
        "unit": metric.unit,
        "higher_is_better": metric.higher_is_better,
        "best": metric.best,
        "tolerance": {"mean": mean, "image": image, "unit": metric.tolerance_unit},
        "by_default": metric.by_default,
        "definition": metric.definition,
        "implementation": metric.implementation,
        "computed_by": metric.computed_by,
        "variant": metric.variant,
        "reference": metric.reference,
        "needs": metric.needs,
        "unavailable": here.obstacle,
        "seconds": here.seconds,
    }
