"""``pytest-lic ab``: two commits compared on this machine, in one run."""

from __future__ import annotations

import argparse
import os
from contextlib import closing
from pathlib import Path

from pytest_lic.ab.checkout import Repository, checked_out
from pytest_lic.ab.compare_sides import compare_sides
from pytest_lic.ab.json_file import ab_json
from pytest_lic.ab.result import Demand
from pytest_lic.ab.side import Side
from pytest_lic.commands.plugin_options import (
    ALONE,
    METRICS,
    add_plugin_options,
    origin_here,
    plugin_arguments,
    without,
)
from pytest_lic.commands.terminal import (
    INTERRUPTED,
    ended_like_interrupted,
    say,
    terminal_width,
)
from pytest_lic.commands.written import add_outputs, require_folders, write_outputs
from pytest_lic.errors import UsageError
from pytest_lic.project.discovery import pytest_config
from pytest_lic.project.options import Options, read_options
from pytest_lic.report.ab import ab_markdown, ab_text

WORSE = 1
"""The exit status where HEAD is slower or worse."""

_OPTIONS = (
    *("codec", "component", "quality", "lambda", "config", "corpus", "resolution", "batch"),
    *("device", "threads", *METRICS),
)
_RESOLUTION = "256"
_MEANT_HERE = {
    "config": "codecs that FILE describes, found from the same folder on both sides",
    "quality": "as --lic-quality (default: all are coded, and the middle one is timed)",
    "resolution": f"as --lic-resolution (default: {_RESOLUTION})",
}
# Of the project's ini file: what is fixed here, or has no use.
_WITHOUT = ("lic_require", "lic_prune", "lic_anchor", "lic_config")


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "ab",
        help="compare two commits: rate, quality, and times that noise can't fake",
        description="Compare two commits of this repository: check both out, install each without "
        "dependencies, code the same images with both, and take times alternately in pairs of "
        "fresh processes until the answer is clear. The working tree stays as it is.",
        epilog="Exit status: 0 nothing got worse; 1 slower by --fail-slower or more, or rate or "
        "quality worse than the tolerances; 2 the comparison could not be carried out; 130 "
        "interrupted.",
        allow_abbrev=False,
    )
    parser.add_argument("base", metavar="BASE", help="the commit compared with")
    parser.add_argument(
        "head",
        metavar="HEAD",
        nargs="?",
        help="the commit in question (default: the working tree, uncommitted changes included)",
    )
    parser.add_argument(
        "--fail-slower",
        type=float,
        default=100 * Demand.fail_slower,
        metavar="PERCENT",
        help="fail where HEAD is surely slower, and by this much or more as best estimated "
        "(default: %(default)g)",
    )
    parser.add_argument(
        "--budget",
        type=float,
        default=Demand.budget,
        metavar="SECONDS",
        help="how long times may be taken, in all; ends earlier where all is clear "
        "(default: %(default)g)",
    )
    parser.add_argument(
        "--timeout",
        type=float,
        default=Demand.timeout,
        metavar="SECONDS",
        help="how long one batch may take to code before its side is stopped "
        "(default: %(default)g)",
    )
    add_outputs(parser)
    add_plugin_options(parser, _OPTIONS, _MEANT_HERE)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Compare, print, and say by the exit status whether HEAD may pass."""
    demand = _demand(arguments)
    require_folders(arguments)
    here = Path.cwd()
    repository = Repository.around(here)
    if arguments.head is None:
        base, head = repository.base_of_working_tree(arguments.base), repository.working_tree()
    else:
        base, head = repository.revision(arguments.base), repository.revision(arguments.head)
    options = _options(arguments)
    # A file of the repository is each side's own.
    arguments.config = [_from_here(text, repository) for text in arguments.config or ()]
    pytest_arguments = plugin_arguments(arguments, ("config",))
    try:
        with ended_like_interrupted(), checked_out(repository, base, head) as checkouts:
            say(f"base {base.title}; head {head.title}")
            sides = [
                Side(checkout, repository, pytest_arguments, demand.timeout)
                for checkout in checkouts
            ]
            with closing(sides[0]), closing(sides[1]):
                compared = compare_sides(sides[0], sides[1], options, demand, say)
    except KeyboardInterrupt:
        say("interrupted; both checkouts are removed, nothing is kept")
        return INTERRUPTED
    width = terminal_width()
    print(ab_text(compared, width=width, color=width > 0), end="")
    write_outputs(arguments, compared, ab_json, ab_markdown)
    if compared.fails:
        return WORSE
    if not any(result.quality is not None for result in compared.cells):
        raise UsageError("nothing could be compared: every codec is broken on one side")
    return 0


def _demand(arguments: argparse.Namespace) -> Demand:
    for name, value in (
        ("--fail-slower", arguments.fail_slower),
        ("--budget", arguments.budget),
        ("--timeout", arguments.timeout),
    ):
        if not 0 < value < float("inf"):
            raise UsageError(f"{name} {value:g}: expected a number above 0")
    return Demand(arguments.fail_slower / 100, arguments.budget, arguments.timeout)


def _options(arguments: argparse.Namespace) -> Options:
    """Settings of the project as it lies here, but no codec: those are the sides' own."""
    names = [name for name in _OPTIONS if name != "config"]
    pytest_arguments = [*without(*_WITHOUT), *ALONE, *plugin_arguments(arguments, names)]
    if not arguments.resolution:
        pytest_arguments.append(f"--lic-resolution={_RESOLUTION}")
    with pytest_config(origin_here(*pytest_arguments)) as config:
        options = read_options(config)
    if len(options.selection.devices) > 1:
        raise UsageError("--device: one at a time; compare on the other in a run of its own")
    return options


def _from_here(text: str, repository: Repository) -> str:
    """A file within the repository, as seen from the folder where the user is."""
    path = (repository.here / Path(text).expanduser()).resolve()
    if not path.is_relative_to(repository.root):
        return str(path)
    return os.path.relpath(path, repository.here)
