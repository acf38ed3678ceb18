"""``pytest-lic metrics``: every metric that is known here, what it is, and what it needs."""

from __future__ import annotations

import argparse

from pytest_lic.commands.plugin_options import (
    METRICS,
    add_plugin_options,
    origin_here,
    plugin_arguments,
)
from pytest_lic.commands.terminal import say, terminal_width
from pytest_lic.commands.written import add_json, require_folders, write_outputs
from pytest_lic.measuring import metrics
from pytest_lic.measuring.coding import cpu_threads
from pytest_lic.measuring.metrics.trial import TIMED_SIZE, obstacle, seconds
from pytest_lic.project.discovery import pytest_config
from pytest_lic.project.metrics import find_metrics
from pytest_lic.project.pytest_options import option_values
from pytest_lic.report.metrics import MetricHere, metrics_json, metrics_text

_OPTIONS = (*METRICS, "threads")
_MEANT_HERE = {"metrics": "only these (default: all, the project's too)"}


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    height, width = TIMED_SIZE
    parser = commands.add_parser(
        "metrics",
        help="list the metrics: what each is, and whether it can be computed here",
        description="List the metrics that --lic-metrics may name: direction, tolerances, whose "
        "code computes them, how they are defined, and whether they can be computed here. Each "
        "is tried on a small image.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--cost",
        action="store_true",
        help=f"also take the time of each, for an image of {width}×{height} pixels",
    )
    add_json(parser)
    add_plugin_options(parser, _OPTIONS, _MEANT_HERE)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print a row per metric, and then their definitions; the exit status is 0.

    Raises:
        LicError: an unknown metric, or one of the project that can't be.
    """
    require_folders(arguments)
    with pytest_config(origin_here(*plugin_arguments(arguments, _OPTIONS))) as config:
        find_metrics(config)
        options = option_values(config)
        known = [metric.configured(options) for metric in metrics.METRICS.values()]
        chosen = [
            metric for metric in known if not arguments.metrics or metric.name in options["metrics"]
        ]
        with cpu_threads(options["threads"]):
            tried = [_tried(metric, timed=arguments.cost) for metric in chosen]
    print(metrics_text(tried, width=terminal_width()), end="")
    write_outputs(arguments, tried, metrics_json)
    return 0


def _tried(metric: metrics.Metric, *, timed: bool) -> MetricHere:
    reason = obstacle(metric)
    taken = None
    if timed and reason is None and metric.of_pixels:
        say(f"timing {metric.name}")
        taken = seconds(metric)
    return MetricHere(metric, reason, taken)
