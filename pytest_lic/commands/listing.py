"""``pytest-lic list``: the codecs that pytest would find here."""

from __future__ import annotations

import argparse

from pytest_lic.commands.plugin_options import add_plugin_options, origin_here, plugin_arguments
from pytest_lic.errors import is_crash
from pytest_lic.project.discovery import rediscover

_OPTIONS = ("config",)
_MEANT_HERE = {"config": "codecs that FILE describes, beside all others"}


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser("list", help="list the codecs that pytest would find here")
    add_plugin_options(parser, _OPTIONS, _MEANT_HERE)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print a line per family."""
    families = rediscover(origin_here(*plugin_arguments(arguments, _OPTIONS)))
    for family in families.by_name.values():
        try:
            reason = family.unavailable() if family.unavailable is not None else None
        except BaseException as error:
            if not is_crash(error):
                raise
            reason = f"finding out failed: {type(error).__name__}: {error}"
        tags = " ".join(f"{tag}={choice}" for tag, choice in family.tags.items())
        qualities = " ".join(
            label if lmbda is None else f"{label}(λ={lmbda:g})"
            for label, lmbda in family.qualities.items()
        )
        note = f"  unavailable: {reason}" if reason else ""
        default = family.default_qualities
        if default is not None and len(default) < len(family.qualities):
            named = "runs only where it is named"
            taken = f"others than {', '.join(default)} run only where it is named"
            note = f"  {taken if default else named}{note}"
        print(f"{family.name}  qualities {qualities}  {tags}{note}")
    return 0
