"""``pytest-lic timing``: saved times as tables and plots."""

from __future__ import annotations

import argparse
from pathlib import Path

from pytest_lic.commands.terminal import terminal_width
from pytest_lic.commands.written import require_folder, writing
from pytest_lic.errors import UsageError
from pytest_lic.measuring.published.timings import published_timing_names, published_timings
from pytest_lic.report.timing.table import reference_text, timing_text
from pytest_lic.timing.saved_runs import STORAGE, find_runs, read_runs

PLOTS = (".png", ".svg")


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the subcommand and its options."""
    parser = commands.add_parser(
        "timing",
        help="print and plot the times that pytest -m timing saved",
        description="Print latency by resolution and throughput by batch, of each codec and "
        "direction, from what pytest --pyargs pytest_lic.suites -m timing --benchmark-save NAME "
        "saved. Several runs are shown side by side.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "runs",
        nargs="*",
        metavar="RUN",
        help="a JSON file of pytest-benchmark's, or the name or number of a saved run, such as "
        "before or 0003 (default: the newest saved one)",
    )
    parser.add_argument(
        "--run",
        action="append",
        default=[],
        dest="named",
        metavar="RUN",
        help="the same, as an option; repeatable",
    )
    parser.add_argument(
        "--storage",
        type=Path,
        default=Path(STORAGE),
        metavar="DIR",
        help="pytest-benchmark's folder (default: %(default)s)",
    )
    parser.add_argument(
        "--stages", action="store_true", help="also print which share of the time each stage takes"
    )
    parser.add_argument("--plot", type=Path, metavar="FILE", help="also draw both, as .png or .svg")
    parser.add_argument(
        "--reference",
        choices=published_timing_names(),
        help="also print what was published of the codecs shown; of another machine and method",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the tables, and draw the plot that is asked for; the exit status.

    Raises:
        UsageError: no such run, a file that holds no times of codecs, or no place for the plot.
    """
    if arguments.plot is not None:
        _check_plot(arguments.plot)
    runs = read_runs(find_runs([*arguments.runs, *arguments.named], arguments.storage))
    width = terminal_width()
    print(timing_text(runs, arguments.stages, width=width, color=width > 0), end="")
    if arguments.reference is not None:
        print(reference_text(published_timings(arguments.reference), runs), end="")
    if arguments.plot is not None:
        from pytest_lic.report.timing.plot import draw

        with writing("--plot", arguments.plot):
            draw(runs, arguments.plot)
        print(f"drawn: {arguments.plot}")
    return 0


def _check_plot(path: Path) -> None:
    if path.suffix.lower() not in PLOTS:
        raise UsageError(f"--plot {path}: expected a file that ends in {' or '.join(PLOTS)}")
    require_folder("--plot", path)
