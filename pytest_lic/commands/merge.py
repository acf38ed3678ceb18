"""``pytest-lic merge``: one result of all shards of a run."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from pytest_lic.commands.written import require_folder, write, writing
from pytest_lic.errors import UsageError
from pytest_lic.merging.merge import Merged, merge
from pytest_lic.merging.shard_results import ShardReader
from pytest_lic.report.code_quality import code_quality
from pytest_lic.report.html import html_report
from pytest_lic.report.junit import junit
from pytest_lic.report.run_markdown import results_markdown
from pytest_lic.report.words import counted
from pytest_lic.results.json_file import load
from pytest_lic.system.files import written_whole
from pytest_lic.system.garbage import uncollected
from pytest_lic.system.text_files import TextFiles
from pytest_lic.system.words import plural, shortened

_SHOWN = 100  # of the tests that failed
OUTPUTS = ("out", "html", "markdown", "junit", "code_quality")
"""Options that name a file to be written."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "merge",
        help="make one result of the shards of a run",
        description="Make one result of what pytest --lic-shard K/N --lic-json wrote on each "
        "machine, and judge the curves that have points in several shards.",
        epilog="Exit status: that of the run, had one machine done it: 0 passed, 1 something "
        "failed, 5 nothing was chosen; 2 a shard can't be read, is missing, doubled, or of another "
        "run.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "results", nargs="+", type=Path, metavar="RESULTS", help="the file of each shard"
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="write the result of all here"
    )
    add_files(parser)
    parser.set_defaults(run=run)


def add_files(parser: argparse.ArgumentParser) -> None:
    """Declare the files that a merged result can also be written to."""
    parser.add_argument("--html", type=Path, metavar="FILE", help="also write a page for a browser")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="also write a summary")
    parser.add_argument(
        "--junit", type=Path, metavar="FILE", help="also write the tests for a CI system to show"
    )
    parser.add_argument(
        "--code-quality",
        type=Path,
        metavar="FILE",
        help="also write what failed as GitLab's code quality report",
    )


def run(arguments: argparse.Namespace) -> int:
    """Merge and write; the exit status of the run.

    Raises:
        ResultsError: a file that can't be read, or not all shards of one run.
        UsageError: a file that can't be written.
    """
    paths = list(arguments.results)
    require_files(arguments, paths)
    twice = next((path for path in paths if paths.count(path) > 1), None)
    if twice is not None:
        raise UsageError(f"{twice} is named twice; name each shard once")
    with uncollected():  # nothing is garbage before the end
        reader = ShardReader(TextFiles())
        shards = {str(path): reader.load(path) for path in paths}
        merged = merge(shards, ("pytest-lic", "merge", *map(str, paths)), reader.files)
        return conclude(arguments, merged, len(shards))


def require_files(arguments: argparse.Namespace, shards: Sequence[Path]) -> None:
    """UsageError where a file to be written has no folder, is another one, or one of the shards."""
    options: dict[Path, str] = {}
    for name in OUTPUTS:
        file = getattr(arguments, name)
        if file is None:
            continue
        option = f"--{name.replace('_', '-')}"
        require_folder(option, file)
        other = options.setdefault(file.resolve(), option)
        if other != option:
            raise UsageError(f"{option} {file}: {other} is this file too; name another")
        if option != "--out" and arguments.out.exists() and not arguments.out.is_file():
            raise UsageError(
                f"--out {arguments.out} is no file, from which {option} could be made; name a file"
            )
        if file.resolve() in {path.resolve() for path in shards}:
            raise UsageError(f"{option} {file}: this is one of the shards; name another file")


def conclude(arguments: argparse.Namespace, merged: Merged, shards: int) -> int:
    """Write the files that were asked for, and print what came out; the exit status of the run.

    Raises:
        UsageError: a file that can't be written.
    """
    with (
        writing("--out", arguments.out),
        written_whole(arguments.out) as new,
        new.open("w", encoding="utf-8", errors="backslashreplace") as stream,
    ):
        stream.writelines(merged.parts())
    if any(getattr(arguments, name) is not None for name in OUTPUTS if name != "out"):
        results = load(arguments.out)
        if arguments.html is not None:
            write("--html", arguments.html, html_report({"": results}))
        if arguments.markdown is not None:
            write("--markdown", arguments.markdown, results_markdown(results))
        if arguments.junit is not None:
            write("--junit", arguments.junit, junit(results))
        if arguments.code_quality is not None:
            write("--code-quality", arguments.code_quality, code_quality(results))
    for line in _lines(merged, shards):
        print(line)
    return merged.results.run.exit_status


def _lines(merged: Merged, shards: int) -> list[str]:
    """What failed, the number of each verdict, and how the run ended."""
    failed = [f"failed: {test.text or test.id}" for test in merged.failed]
    verdicts = ", ".join(counted(merged.verdicts))
    passed = sum(test.outcome == "passed" for test in merged.tests)
    results = merged.results
    return [
        *shortened(failed, _SHOWN, "more failed"),
        *([results.run.failure] if results.run.failure else []),
        f"{plural(shards, 'shard')}: {plural(len(merged.points), 'point')} and "
        f"{plural(len(results.curves), 'curve')}{': ' if verdicts else ''}{verdicts}",
        f"{'failed' if results.failed else 'passed'}: {len(failed)} tests failed, {passed} passed",
    ]
