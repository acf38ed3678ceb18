"""``pytest-lic compare``: what changed from one run to another."""

from __future__ import annotations

import argparse
from pathlib import Path

from pytest_lic.baselines.tolerances import DEFAULT_TOLERANCES, Tolerance
from pytest_lic.commands.plugin_options import ALONE, origin_here
from pytest_lic.commands.written import add_outputs, require_folders, write_outputs
from pytest_lic.errors import UsageError
from pytest_lic.project.discovery import pytest_config
from pytest_lic.project.options import read_options
from pytest_lic.report.compare import compare_json, compare_markdown, compare_text
from pytest_lic.results.recorded_run import load_run
from pytest_lic.results.two_runs import compare_results

WORSE = 1
"""The exit status where something is worse in the second run."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "compare",
        help="tell what changed between two runs",
        description="Compare two runs, each the file that pytest --lic-json wrote or a folder of "
        "baselines that --lic-update recorded: each cell that both have, image by image, by the "
        "tolerances of the second run (for a folder: this project's), and BD-rate of each family. "
        "Cells that differ in device or batch alone are the same one.",
        epilog="Exit status: 0 nothing got worse; 1 something did, or broke; 2 the runs can't be "
        "read or have nothing in common.",
        allow_abbrev=False,
    )
    parser.add_argument("before", type=Path, metavar="A", help="the run compared with")
    parser.add_argument("after", type=Path, metavar="B", help="the run in question")
    add_outputs(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Compare and print; the exit status.

    Raises:
        LicError: a file that can't be read, or nothing to compare.
    """
    require_folders(arguments)
    tolerances = _tolerances_here() if arguments.after.is_dir() else DEFAULT_TOLERANCES
    comparison = compare_results(load_run(arguments.before), load_run(arguments.after, tolerances))
    print(compare_text(comparison), end="")
    write_outputs(arguments, comparison, compare_json, compare_markdown)
    if comparison.worse:
        return WORSE
    if not comparison.compared:
        raise UsageError("nothing could be compared: the two runs are of other images")
    return 0


def _tolerances_here() -> dict[str, Tolerance]:
    with pytest_config(origin_here(*ALONE)) as config:
        return dict(read_options(config).tolerances)
