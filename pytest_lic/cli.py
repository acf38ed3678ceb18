"""The ``pytest-lic`` command: its subcommands, their exit statuses and errors."""

from __future__ import annotations

import argparse
import io
import os
import sys
import traceback
from collections.abc import Sequence

from pytest_lic.commands import (
    ab,
    ablation,
    baselines,
    bisect,
    caching,
    compare,
    components,
    history,
    listing,
    merge,
    metrics,
    note,
    passport,
    record,
    report,
    run_shards,
    show,
    timing,
    weights,
)
from pytest_lic.commands.plugin_options import as_typed
from pytest_lic.errors import LicError

UNUSABLE = 2
"""The exit status of a command that could not be carried out."""
BROKEN_PIPE = 141
"""The exit status of a command whose output nobody reads to the end, as shells have it."""


_COMMANDS = (
    *(
        listing,
        components,
        metrics,
        timing,
        ablation,
        compare,
        show,
        report,
        ab,
        baselines,
        history,
    ),
    *(bisect, run_shards, merge, note, record, passport, caching, weights),
)


def command_parser() -> argparse.ArgumentParser:
    """What parses a command line of ``pytest-lic``."""
    parser = argparse.ArgumentParser(
        prog="pytest-lic",
        description="Companion of the pytest plugin; the gates themselves run under pytest.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in _COMMANDS:
        command.add_parser(commands)
    return parser


def main(words: Sequence[str] | None = None) -> int:
    """Run one subcommand; the exit status."""
    arguments = command_parser().parse_args(words)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # for names and texts of others
    try:
        status: int = arguments.run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read the output, such as head, had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except Exception as error:
        if not isinstance(error, LicError):
            traceback.print_exc()  # a fault of ours, and no verdict on the user's codecs
            return UNUSABLE
        print(f"pytest-lic: {as_typed(str(error), arguments)}", file=sys.stderr)
        return UNUSABLE
    return status
