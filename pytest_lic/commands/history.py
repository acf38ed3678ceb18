"""``pytest-lic history``: what was recorded of each codec over time."""

from __future__ import annotations

import argparse
from fnmatch import fnmatchcase
from pathlib import Path

from pytest_lic.baselines.history import History, history
from pytest_lic.baselines.layered import families_in
from pytest_lic.commands.plugin_options import (
    ALONE,
    add_plugin_options,
    origin_here,
    plugin_arguments,
)
from pytest_lic.commands.terminal import terminal_width
from pytest_lic.commands.written import require_folder, write
from pytest_lic.errors import UnknownNameError, UsageError
from pytest_lic.project.discovery import pytest_config
from pytest_lic.project.options import read_options
from pytest_lic.report.history import history_headline, history_text
from pytest_lic.report.html.history import history_page

_OPTIONS = ("baselines",)
_MEANT_HERE = {"baselines": "the folder, from the root folder (default: as pytest's)"}


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "history",
        help="tell what was recorded of each codec over time",
        description="Walk the git history of the baselines, also across renames, and show of each "
        "commit that changed them BD-rate against the first recording and the last, means, and "
        "where BD-rate moved to another level.",
        epilog="Exit status: 0; 2 it can't be told, such as in a shallow clone.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "codec", nargs="*", metavar="CODEC", help="only codecs whose name matches, such as 'msh-*'"
    )
    parser.add_argument(
        "--since", metavar="REF", help="only what was recorded after the commit REF, and its state"
    )
    parser.add_argument("--html", type=Path, metavar="FILE", help="also write a page for a browser")
    add_plugin_options(parser, _OPTIONS, _MEANT_HERE)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print, and write the page.

    Raises:
        LicError: no such codec or commit, no recordings, or a shallow clone.
    """
    if arguments.html is not None:
        require_folder("--html", arguments.html)
    found = _found(arguments)
    width = terminal_width()
    print(history_text(found, width=width, color=width > 0), end="")
    if arguments.html is not None:
        write("--html", arguments.html, history_page(found))
    print(f"history: {history_headline(found)}")
    return 0


def _found(arguments: argparse.Namespace) -> History:
    with pytest_config(origin_here(*ALONE, *plugin_arguments(arguments, _OPTIONS))) as config:
        folder = read_options(config).baselines
    families = families_in(folder, "entries")
    if not families:
        raise UsageError(f"{folder} holds no baselines; --baselines names another folder")
    for glob in arguments.codec:
        if not any(fnmatchcase(family, glob) for family in families):
            raise UnknownNameError("recorded codec", glob, families, "CODEC")
    chosen = [
        family
        for family in families
        if not arguments.codec or any(fnmatchcase(family, glob) for glob in arguments.codec)
    ]
    found = history(folder, chosen, arguments.since)
    if not found.series:
        raise UsageError(
            f"no commit has baselines of {', '.join(chosen)} yet; commit {folder.name}"
        )
    return found
