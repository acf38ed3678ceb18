"""Declares the options to pytest, and reads what the user gave."""

from __future__ import annotations

from configparser import RawConfigParser
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
        text = f"{option.help}{again}{default}"
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


def _text(config: pytest.Config, option: Option) -> Any:
    """One text, several where the option takes many, or whether a flag is set."""
    value = config.getoption(option.ini_name)
    if value is None:
        value = config.getini(option.ini_name) or option.default
    if option.flag:
        return value if isinstance(value, bool) else _boolean(option, value)
    texts = [value] if isinstance(value, str) else value
    if config.getoption(option.ini_name) is not None and not all(text.strip() for text in texts):
        raise UsageError(f"{option.flag_name} is empty; give it a value, or leave it out")
    if not option.many:
        return str(value).strip()
    parts = (part.strip() for text in texts for part in text.replace("\n", ",").split(","))
    return tuple(dict.fromkeys(part for part in parts if part))


def _boolean(option: Option, text: str) -> bool:
    if text == "":
        return False
    try:
        return RawConfigParser.BOOLEAN_STATES[text.lower()]
    except KeyError:
        raise UsageError(f"{option.ini_name} = {text!r}: expected true or false") from None
