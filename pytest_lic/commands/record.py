"""``pytest-lic record``: baselines from the results of a run, such as of merged shards."""

from __future__ import annotations

import argparse
from pathlib import Path

from pytest_lic.baselines.entries import Baselines
from pytest_lic.baselines.shipped import shipped_folder
from pytest_lic.commands.plugin_options import (
    add_plugin_options,
    origin_here,
    plugin_arguments,
    without,
)
from pytest_lic.merging.record import record
from pytest_lic.project.discovery import discover, pytest_config
from pytest_lic.project.options import read_options
from pytest_lic.results.json_file import load

_OPTIONS = ("baselines",)
_MEANT_HERE = {"baselines": "the folder to write to, from the root folder (default: as pytest's)"}


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "record",
        help="record the results of a run as baselines",
        description="Write what a results file holds as the new baselines, as --lic-update does: "
        "rate and quality, complexity and memory; kept bitstreams are in no results file. Nothing "
        "is recorded of a quality that failed its round trip, or anything but a comparison.",
        epilog="Exit status: 0 recorded, or nothing to record; 2 it can't be.",
        allow_abbrev=False,
    )
    parser.add_argument("results", type=Path, metavar="RESULTS", help="the file of a whole run")
    add_plugin_options(parser, _OPTIONS, _MEANT_HERE)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Record, and print what.

    Raises:
        LicError: a file that can't be read or written, or results that can't be recorded.
    """
    origin = origin_here(*without("addopts"), *plugin_arguments(arguments, _OPTIONS))
    with pytest_config(origin) as config:
        families, options = discover(config), read_options(config)
    baselines = Baselines(options.baselines, shipped_folder(), families.shipped)
    for line in record(load(arguments.results), baselines, str(arguments.results)):
        print(line)
    return 0
