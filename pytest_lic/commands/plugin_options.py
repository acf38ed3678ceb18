"""Options of the plugin that a command takes too, under their names without ``lic-``."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from pytest_lic.project.discovery import Origin
from pytest_lic.project.option import Option
from pytest_lic.project.option_table import METRIC_OPTIONS, OPTIONS


def without(*settings: str) -> tuple[str, ...]:
    """What pytest is given so that these settings of an ini file are empty."""
    return tuple(argument for name in settings for argument in ("-o", f"{name}="))


ALONE = (*without("addopts"), "--noconftest")
"""What pytest is given where a command reads its options and needs no codec: no ``conftest.py`` is
loaded, and ``addopts`` may hold options of one."""

METRICS = ("metrics", *(option.name for option in METRIC_OPTIONS if not option.flag))
"""Which metrics, and how they are computed; a command downloads nothing."""


def add_plugin_options(
    parser: argparse.ArgumentParser, names: Sequence[str], meant_here: Mapping[str, str]
) -> None:
    """Declare the options ``names``; ``meant_here`` has the help of those that mean more here."""
    parser.set_defaults(plugin_options=tuple(names))
    for option in _options(names):
        if option.flag:
            parser.add_argument(f"--{option.name}", action="store_true", help=option.help)
        else:
            parser.add_argument(
                f"--{option.name}",
                action="append" if option.many else "store",
                metavar=option.metavar,
                help=meant_here.get(option.name, f"as {option.flag_name}"),
            )


def plugin_arguments(arguments: argparse.Namespace, names: Sequence[str]) -> tuple[str, ...]:
    """The same for pytest, of the options ``names`` that the command was given."""
    pytest_arguments = []
    for option in _options(names):
        value = getattr(arguments, option.name.replace("-", "_"))
        if value is True:
            pytest_arguments.append(option.flag_name)
        elif value:
            values = value if option.many else [value]
            pytest_arguments += [f"{option.flag_name}={text}" for text in values]
    return tuple(pytest_arguments)


def origin_here(*arguments: str) -> Origin:
    """Where pytest would start from here, with these arguments."""
    return Origin(str(Path.cwd()), arguments, tuple(sys.path))


def as_typed(text: str, arguments: argparse.Namespace) -> str:
    """A message of the plugin, its options called as the command that was given calls them."""
    names = sorted(getattr(arguments, "plugin_options", ()), key=len, reverse=True)
    return re.sub(rf"--lic-({'|'.join(names)})\b", r"--\1", text) if names else text


def _options(names: Sequence[str]) -> list[Option]:
    return [option for option in OPTIONS if option.name in names]
