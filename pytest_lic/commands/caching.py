"""``pytest-lic cache``: the measurements kept between runs."""

from __future__ import annotations

import argparse
from pathlib import Path

from pytest_lic.measuring import store


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser("cache", help="show or clear the measurements kept between runs")
    parser.add_argument("--clear", action="store_true", help="remove every entry")
    parser.add_argument(
        "--dir", type=Path, default=store.default_folder(), help="the cache's folder (%(default)s)"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Say what there is, or remove it."""
    if arguments.clear:
        gone = store.clear(arguments.dir)
        print(f"removed {_told(gone)}, from {gone.folder}")
    else:
        held = store.usage(arguments.dir)
        print(f"{_told(held)}, in {held.folder}")
    return 0


def _told(usage: store.Usage) -> str:
    return (
        f"{usage.entries} measurements and {usage.reconstructions} reconstructions, "
        f"{usage.size / 1e6:.1f} MB"
    )
