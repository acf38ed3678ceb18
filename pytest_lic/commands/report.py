"""``pytest-lic report``: what ``--lic-json`` and ``ab --json`` wrote, as a page for a browser."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from pytest_lic.ab.json_file import load_ab
from pytest_lic.commands.written import require_folder, write
from pytest_lic.errors import UsageError
from pytest_lic.report.html import html_report
from pytest_lic.results.json_file import load


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "report",
        help="make an HTML report of results that --lic-json wrote",
        description="Make one HTML file of the results of one run, or of several: it needs no "
        "network, and no other file.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "results", nargs="+", type=Path, metavar="RESULTS", help="a file that --lic-json wrote"
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("report.html"),
        metavar="FILE",
        help="what to write (default: %(default)s)",
    )
    parser.add_argument(
        "--ab",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="also show this comparison of two commits, which pytest-lic ab --json wrote; may be "
        "given several times",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Read, and write the page.

    Raises:
        ResultsError: a file that is no results file of a format that this version reads.
        UsageError: the same of a comparison of two commits; a page that would replace its own
            source, or that can't be written.
    """
    output: Path = arguments.output
    require_folder("--output", output)
    paths = list({path.resolve(): path for path in arguments.results}.values())
    compared = list({path.resolve(): path for path in arguments.ab}.values())
    if output.resolve() in {path.resolve() for path in (*paths, *compared)}:
        raise UsageError(f"--output {output}: these are the results themselves; name another file")
    runs = {name: load(path) for name, path in zip(_names(paths), paths, strict=True)}
    write("--output", output, html_report(runs, [load_ab(path) for path in compared]))
    print(f"report: {output}")
    return 0


def _names(paths: Sequence[Path]) -> list[str]:
    """File names without suffix where those tell the files apart, else their paths."""
    names = [path.stem for path in paths]
    return names if len(set(names)) == len(names) else [str(path) for path in paths]
