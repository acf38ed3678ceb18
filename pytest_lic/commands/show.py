"""``pytest-lic show``: one cell, with all that is known of it."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from pytest_lic.commands.plugin_options import (
    METRICS,
    add_plugin_options,
    origin_here,
    plugin_arguments,
    without,
)
from pytest_lic.commands.terminal import INTERRUPTED, say, terminal_width
from pytest_lic.errors import UsageError
from pytest_lic.measuring.measure import Measurement
from pytest_lic.report.one_cell import cell_text
from pytest_lic.results.json_file import load
from pytest_lic.run.one_cell import AMPLIFIED, cell_at_hand, facts_at_hand, facts_of, write_images
from pytest_lic.run.outside_pytest import opened_run

_OPTIONS = (
    *("config", "corpus", "resolution", "batch", "device", "threads"),
    *(*METRICS, "baselines", "no-cache", "cache-dir"),
)
_MEANT_HERE = {
    "config": "codecs that FILE describes, beside all others",
    "resolution": "as --lic-resolution (default: what CELL says)",
    "batch": "as --lic-batch (default: what CELL says)",
    "device": "as --lic-device (default: what CELL says)",
}
# Of the project's ini file: what would narrow the grid, or has no use.
_WITHOUT = (
    *("lic_codec", "lic_quality", "lic_lambda", "lic_component", "lic_require", "lic_anchor"),
    *("lic_prune", "lic_update", "lic_update_missing", "lic_milestone"),
)
_SETTING = re.compile(
    r"-(?:(?P<resolution>native|[0-9]+)(?:px)?)-b(?P<batch>[0-9]+)-(?P<device>cpu|cuda[0-9]*)$"
)


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "show",
        help="print all there is about one cell, and write its images",
        description="Print the verdict on a cell, each of its images beside the baseline, and "
        "where the numbers come from: measured now, from the cache, or from a results file.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "cell", metavar="CELL", help="its id, such as msh-gdn-q3-photos-native-b1-cpu"
    )
    parser.add_argument(
        "--results", type=Path, metavar="FILE", help="what pytest --lic-json wrote, and no codec"
    )
    parser.add_argument(
        "--images",
        type=Path,
        metavar="DIR",
        help="code the images now, and write each, its reconstruction and the difference "
        f"({AMPLIFIED} times, around grey) here",
    )
    add_plugin_options(parser, _OPTIONS, _MEANT_HERE)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print, and write the images that are asked for; the exit status.

    Raises:
        LicError: an unknown cell, a file that can't be read, or images that can't be coded.
    """
    if arguments.images is not None and arguments.images.exists() and not arguments.images.is_dir():
        raise UsageError(f"--images {arguments.images}: is a file; expected a folder")
    if arguments.results is None:
        return _from_codecs(arguments, None)
    facts = facts_of(load(arguments.results), arguments.cell, f"--results {arguments.results}")
    print(cell_text(facts, width=terminal_width()), end="")
    return 0 if arguments.images is None else _from_codecs(arguments, facts.measured, silent=True)


def _from_codecs(
    arguments: argparse.Namespace, known: Measurement | None, silent: bool = False
) -> int:
    _settle(arguments)
    origin = origin_here(*without(*_WITHOUT), *plugin_arguments(arguments, _OPTIONS))
    try:
        with opened_run(origin, ("psnr",), say) as opened:
            cell = cell_at_hand(opened.setup.grid, arguments.cell)
            if not silent:
                facts = facts_at_hand(opened, cell)
                print(cell_text(facts, width=terminal_width()), end="")
                known = facts.measured
            if arguments.images is not None:
                for line in write_images(
                    opened.setup, opened.codecs, cell, arguments.images, known
                ):
                    print(f"written: {line}")
    except KeyboardInterrupt:
        say("interrupted")
        return INTERRUPTED
    return 0


def _settle(arguments: argparse.Namespace) -> None:
    """Take resolution, batch and device from the cell's id, where no option says otherwise."""
    setting = _SETTING.search(arguments.cell)
    if setting is None:
        return
    for name, text in setting.groupdict().items():
        if not getattr(arguments, name):
            value = re.sub(r"^cuda(?=[0-9])", "cuda:", text)
            setattr(arguments, name, [value])
