"""The ``pytest-lic`` command: what there is to test, and what the cache holds."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pytest_lic import cache
from pytest_lic.discovery import Origin, rediscover
from pytest_lic.errors import LicError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand; the exit status."""
    parser = argparse.ArgumentParser(
        prog="pytest-lic",
        description="Companion of the pytest plugin; the gates themselves run under pytest.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    listing = commands.add_parser("list", help="list the codecs that pytest would find here")
    listing.add_argument(
        "--config", action="append", default=[], metavar="FILE", help="as --lic-config"
    )
    listing.set_defaults(run=_list)
    caching = commands.add_parser("cache", help="show or clear the measurements kept between runs")
    caching.add_argument("--clear", action="store_true", help="remove every entry")
    caching.add_argument(
        "--dir", type=Path, default=cache.default_folder(), help="the cache's folder (%(default)s)"
    )
    caching.set_defaults(run=_cache)
    given = parser.parse_args(arguments)
    try:
        status: int = given.run(given)
    except LicError as error:
        print(f"pytest-lic: {error}", file=sys.stderr)
        return 2
    return status


def _list(given: argparse.Namespace) -> int:
    options = tuple(f"--lic-config={file}" for file in given.config)
    families = rediscover(Origin(str(Path.cwd()), options, tuple(sys.path)))
    for family in families.by_name.values():
        try:
            reason = family.unavailable() if family.unavailable is not None else None
        except Exception as error:
            reason = f"finding out failed: {type(error).__name__}: {error}"
        tags = " ".join(f"{tag}={choice}" for tag, choice in family.tags.items())
        qualities = " ".join(
            label if lmbda is None else f"{label}(λ={lmbda:g})"
            for label, lmbda in family.qualities.items()
        )
        note = f"  unavailable: {reason}" if reason else ""
        print(f"{family.name}  qualities {qualities}  {tags}{note}")
    return 0


def _cache(given: argparse.Namespace) -> int:
    if given.clear:
        gone = cache.clear(given.dir)
        print(f"removed {gone.entries} measurements, {gone.size / 1e6:.1f} MB, from {gone.folder}")
    else:
        held = cache.usage(given.dir)
        print(f"{held.entries} measurements, {held.size / 1e6:.1f} MB, in {held.folder}")
    return 0
