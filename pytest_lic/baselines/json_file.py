"""One family's JSON file: read with one clear error, written whole or not at all.

What the points of a family (`baseline`) and its kept bitstreams (`kept_streams`) have in common.
Every value is checked on the way back: people edit these files, and so do merges.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pytest_lic.errors import BaselineError
from pytest_lic.system.environment import Environment

FORMAT = 1
_LINE = 400
_MOST = 2**48  # pixels and bytes beyond it are a slip, and overflow what is computed from them
_T = TypeVar("_T")


def load_family(path: Path, family: str, parse: Callable[[Mapping[str, Any]], _T]) -> _T | None:
    """What ``parse`` makes of one family's file; None where there is none.

    Args:
        path: of the file.
        family: whose it must be.
        parse: takes the JSON object, and raises ValueError for what it can't use.

    Raises:
        BaselineError: the file is damaged, of another family or of a newer format.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise BaselineError(f"baseline {path} can't be read: {error}") from error
    advice = "restore it from version control, or delete it and record again with --lic-update"
    try:
        stored = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BaselineError(f"baseline {path} is not valid JSON ({error}); {advice}") from error
    version = stored.get("format") if isinstance(stored, dict) else None
    if isinstance(version, int) and version > FORMAT:
        raise BaselineError(
            f"baseline {path} is of format {version}; this pytest-lic reads up to {FORMAT}: "
            "upgrade it"
        )
    try:
        if taken(as_object(stored), "family", str) != family:
            raise ValueError(f"it is of family {stored['family']!r}, not {family!r}")
        if version != FORMAT:
            raise ValueError(f"its format is {version!r}; expected {FORMAT}")
        return parse(stored)
    except ValueError as error:
        raise BaselineError(f"baseline {path} is damaged: {error}; {advice}") from error


def families_in(folder: Path, key: str) -> list[str]:
    """The families that a folder holds a file of with ``key``; other JSON may lie beside them."""
    files = folder.glob("[!.]*.json")
    return sorted(path.stem for path in files if _is_of(path, path.stem, key))


def _is_of(path: Path, family: str, key: str) -> bool:
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(stored, dict) and key in stored and stored.get("family") == family


def as_text(stored: Mapping[str, Any]) -> str:
    """A JSON object in which whatever is small stands on one line: an image, an environment."""
    return _pretty(stored, "") + "\n"


def _pretty(value: Any, indent: str) -> str:
    nested = value.values() if isinstance(value, dict) else value
    flat = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict | list) or not value:
        return flat
    if not any(isinstance(item, dict | list) and item for item in nested) and len(flat) < _LINE:
        return flat
    deeper = indent + " "
    if isinstance(value, dict):
        parts = [
            f"{json.dumps(key, ensure_ascii=False)}: {_pretty(item, deeper)}"
            for key, item in value.items()
        ]
        opening, closing = "{", "}"
    else:
        parts = [_pretty(item, deeper) for item in value]
        opening, closing = "[", "]"
    inner = f",\n{deeper}".join(parts)
    return f"{opening}\n{deeper}{inner}\n{indent}{closing}"


def environments_from_json(stored: Mapping[str, Any]) -> dict[str, Environment]:
    """Digest → environment, of a file's ``environments``.

    Raises:
        ValueError: what `Environment.to_json` would not have made.
    """
    named = taken(stored, "environments", dict).items()
    return {name: _environment(value) for name, value in named}


def environment_named(
    stored: Mapping[str, Any], environments: Mapping[str, Environment]
) -> Environment:
    """The environment of an entry; ValueError where there is none of its digest."""
    name = taken(stored, "environment", str)
    if name not in environments:
        raise ValueError(f"environment {name!r} is not among the environments")
    return environments[name]


def _environment(value: object) -> Environment:
    stored = as_object(value)
    return Environment(
        python=taken(stored, "python", str),
        system=taken(stored, "system", str),
        processor=taken(stored, "processor", str),
        instructions=taken(stored, "instructions", str),
        device=taken(stored, "device", str),
        threads=count(stored, "threads"),
        packages=taken(stored, "packages", dict),
        variables=taken(stored, "variables", dict),
    )


def as_object(value: object) -> dict[str, Any]:
    """``value`` itself, if it is a JSON object; ValueError if not."""
    if not isinstance(value, dict):
        raise ValueError(f"{shown(value)} stands where an object is expected")
    return value


def taken(stored: Mapping[str, Any], key: str, kind: type[_T]) -> _T:
    """The value of ``key``; ValueError where it is missing or of another type."""
    if key not in stored:
        raise ValueError(f"{key!r} is missing")
    value = stored[key]
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"{key} is {shown(value)}; expected {kind.__name__}")
    return value


def count(stored: Mapping[str, Any], key: str, least: int = 1) -> int:
    """A whole number from ``least`` to 2^48; ValueError for anything else."""
    found = taken(stored, key, int)
    if not least <= found < _MOST:
        raise ValueError(f"{key} is {shown(found)}; expected {least} to 2^48")
    return found


def number(stored: Mapping[str, Any], key: str) -> float | None:
    """A finite number, or None where there is none; ValueError for anything else."""
    found = stored.get(key)
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, int | float) or not abs(found) < _MOST:
        raise ValueError(f"{key} is {shown(found)}; expected a finite number")
    return float(found)


def shown(value: object) -> str:
    """A value for an error message, cut where it is long."""
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}…"
