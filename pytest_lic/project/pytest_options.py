"""Declares the options to pytest, and reads what the user gave."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from configparser import RawConfigParser
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pytest_lic.errors import UsageError
from pytest_lic.project.option import Option, Place
from pytest_lic.project.option_table import OPTIONS
from pytest_lic.project.root import project_root


def add_options(parser: pytest.Parser) -> None:
    """Declare every option and its ini twin."""
    group = parser.getgroup("lic", "learned image compression (pytest-lic)")
    for option in OPTIONS:
        default = f" (default: {option.default})" if option.default else ""
        again = "; repeatable, or separated by commas" if option.many else ""
        text = f"{option.help}{again}{default}".replace("%", "%%")  # argparse fills in the others
        kind: dict[str, Any] = {"metavar": option.metavar}
        if option.flag:
            kind = {"action": "store_true", "default": None}
        elif option.many:
            kind["action"] = "append"
        group.addoption(option.flag_name, dest=option.ini_name, help=text, **kind)
        ini_text = f"{option.help}; as {option.flag_name}"
        parser.addini(option.ini_name, ini_text, type="string", default=None)


def option_values(config: pytest.Config) -> dict[str, Any]:
    """Option → its value: from the command line, else from the ini file, else the default.

    Raises:
        UsageError: an option that is given and empty, a flag that is neither true nor false, or a
            value that is not what its option takes.
    """
    start, root = config.invocation_params.dir, project_root(config)
    return {
        option.name: option.read(_text(config, option), Place(option.flag_name, start, root))
        for option in OPTIONS
    }


@dataclass(frozen=True)
class Words:
    """What the user wrote of the options: option → text, parts set apart by commas.

    ``bare`` is what a run has whose command line has no options: the ini file's, or the default.
    ``typed`` has those of this run's command line, but for flags.
    """

    bare: Mapping[str, str] = field(default_factory=dict)
    typed: Mapping[str, str] = field(default_factory=dict)


def words(config: pytest.Config) -> Words:
    """As they stand there."""
    typed = [
        option for option in OPTIONS if not option.flag and on_command_line(config, option.name)
    ]
    texts = {option.name: _text(config, option) for option in typed}
    return Words(
        {option.name: ",".join(_ini_texts(config, option)) for option in OPTIONS},
        {name: text if isinstance(text, str) else ",".join(text) for name, text in texts.items()},
    )


def on_command_line(config: pytest.Config, name: str) -> bool:
    """Whether the option is given on the command line."""
    return config.getoption(f"lic_{name.replace('-', '_')}") is not None


def config_files(config: pytest.Config) -> dict[Path, str]:
    """Each file of ``--lic-config`` → how the user wrote it.

    Those on the command line are found from the folder where pytest was started, those of the ini
    file from the root folder.
    """
    (option,) = (option for option in OPTIONS if option.name == "config")
    typed = on_command_line(config, "config")
    start = config.invocation_params.dir if typed else project_root(config)
    return {(start / Path(text).expanduser()).resolve(): text for text in _text(config, option)}


def target_rates(config: pytest.Config) -> tuple[float, ...]:
    """The rates of ``--lic-target-bpp``.

    Raises:
        UsageError: as `option_values`.
    """
    (option,) = (option for option in OPTIONS if option.name == "target-bpp")
    place = Place(option.flag_name, config.invocation_params.dir, project_root(config))
    rates: tuple[float, ...] = option.read(_text(config, option), place)
    return rates


def _text(config: pytest.Config, option: Option) -> Any:
    """One text, several where the option takes many, or whether a flag is set."""
    value = config.getoption(option.ini_name)
    if value is True:
        return True
    typed = value is not None
    texts = ([value] if isinstance(value, str) else value) if typed else _ini_texts(config, option)
    if typed and not all(text.strip() for text in texts):
        raise UsageError(f"{option.flag_name} is empty; give it a value, or leave it out")
    if option.flag:
        return _boolean(option, texts[0])
    if not option.many:
        return texts[0].strip()
    parts = (part.strip() for text in texts for part in text.replace("\n", ",").split(","))
    return tuple(dict.fromkeys(part for part in parts if part))


def _ini_texts(config: pytest.Config, option: Option) -> list[str]:
    """What the ini file says, one text unless the option takes many; else the default.

    In ``pyproject.toml`` a list may stand there, and numbers in it.
    """
    try:
        with warnings.catch_warnings():
            # In pytest 9, that a list is no string.
            warnings.simplefilter("ignore", pytest.PytestDeprecationWarning)
            value = config.getini(option.ini_name)
    except pytest.UsageError as error:
        raise UsageError(str(error)) from error
    if value is None or value in ("", []):
        return [option.default]
    items = value if isinstance(value, list) else [value]
    if len(items) > 1 and not option.many:
        raise UsageError(f"{option.ini_name} = {value}: expected one value, not a list")
    for item in items:
        if not isinstance(item, str | int | float):
            raise UsageError(
                f"{option.ini_name} = {value}: {item!r} is neither a text nor a number; expected "
                f"such as {option.ini_name} = 'A,B', or a list of texts and numbers"
            )
    return [str(item) for item in items]


def _boolean(option: Option, text: str) -> bool:
    if text == "":
        return False
    try:
        return RawConfigParser.BOOLEAN_STATES[text.lower()]
    except KeyError:
        raise UsageError(f"{option.ini_name} = {text!r}: expected true or false") from None
