"""JSON files and the typed values in them, by msgspec: read, structured, and written for a diff."""

from __future__ import annotations

import copy
import json
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from pytest_lic.errors import LicError

_LINE = 400
_MOST = 2**48  # pixels and bytes beyond it are a slip, and overflow what is computed from them
_T = TypeVar("_T")
_encoded = json.JSONEncoder(ensure_ascii=False).encode
# msgspec looks a type over when it first meets it; a second thread must not meet it half done, or
# the process dies. The controller of pytest-xdist has a thread for each worker.
_BUILDING = threading.Lock()

Count = Annotated[int, Meta(ge=1, lt=_MOST)]
"""A number of things of which there is at least one."""

Finite = Annotated[float, Meta(gt=-_MOST, lt=_MOST)]
"""A number that arithmetic can go on with."""

Positive = Annotated[float, Meta(gt=0, lt=_MOST)]
"""One that may be divided by."""


@dataclass(frozen=True)
class JsonFile:
    """A kind of JSON file, and the one clear line about one that can't be used.

    Args:
        name: what the line calls it, before its path.
        error: what is raised.
        advice: what to do about a file that is damaged; ``{file}`` is its name.
        newest: the format that this version writes; None where the file is not ours.
    """

    name: str
    error: type[LicError]
    advice: str
    newest: int | None = None

    def read(self, path: Path) -> Any:
        """The JSON value of a file.

        Raises:
            LicError: it is not there, can't be read, is no JSON, or of a newer format.
        """
        try:
            content = path.read_bytes()
        except OSError as error:
            raise self.error(f"{self.name} {path} can't be read: {error}") from error
        return self.value(content, path)

    def value(self, content: bytes, path: Path) -> Any:
        """The JSON value of what was read from a file.

        Raises:
            LicError: it is no JSON, or of a newer format.
        """
        subject = f"{self.name} {path}"
        try:
            stored = json.loads(content.decode())
        except UnicodeDecodeError as error:
            raise self.error(f"{subject} can't be read: {error}") from error
        except (ValueError, RecursionError) as error:
            raise self.error(
                f"{subject} is not valid JSON ({error}); {self._advice(path)}"
            ) from error
        if self.newest is not None and isinstance(stored, dict) and "format" in stored:
            self._check_format(stored["format"], path)
        return stored

    @contextmanager
    def parsing(self, path: Path, part: str = "") -> Iterator[None]:
        """Whatever ValueError is raised inside says what is damaged in the file, or in a part."""
        try:
            yield
        except (ValueError, OverflowError) as error:
            where = f"{part}: " if part else ""
            raise self.error(
                f"{self.name} {path} is damaged: {where}{error}; {self._advice(path)}"
            ) from error

    def _check_format(self, version: object, path: Path) -> None:
        assert self.newest is not None
        subject = f"{self.name} {path}"
        if type(version) is not int or version < 1:
            raise self.error(
                f"{subject} is damaged: its format is {shown(version)}; expected {self.newest}; "
                f"{self._advice(path)}"
            )
        if version > self.newest:
            raise self.error(
                f"{subject} is of format {version}; this pytest-lic reads up to {self.newest}: "
                "upgrade it"
            )

    def _advice(self, path: Path) -> str:
        return self.advice.format(file=path.name)


def structured(stored: Any, kind: type[_T], place: str = "$") -> _T:
    """The dataclass or record of a JSON value that stands at ``place``, each part of it checked.

    Raises:
        ValueError: something is missing or not what its annotation says; the text says where.
    """
    try:
        with _BUILDING:
            return msgspec.convert(stored, kind)
    except msgspec.ValidationError as error:
        raise ValueError(_worded(copy.deepcopy(stored), kind, str(error), place)) from None


def plain(value: Any) -> Any:
    """The JSON value from which `structured` makes an equal one."""
    return msgspec.to_builtins(value, enc_hook=_plain)


def as_text(stored: Mapping[str, Any]) -> str:
    """A JSON object in which whatever is small stands on one line: an image, an environment."""
    return _pretty(stored, "") + "\n"


def text_parts(stored: Mapping[str, Any], lists: Mapping[str, Iterable[str]]) -> Iterator[str]:
    """The text of `as_text`, in parts, of an object whose long lists are made one by one.

    Args:
        stored: the object, with an empty list in place of each long one.
        lists: key → the `item_text` of each item of its list.
    """
    yield "{"
    for number, (key, value) in enumerate(stored.items()):
        yield f"{',' if number else ''}\n {_encoded(key)}: "
        if key in lists:
            yield from _list_parts(lists[key])
        else:
            yield _pretty(value, " ")
    yield "\n}\n"


def item_text(item: Any) -> str:
    """An item of a list of `text_parts`."""
    return _pretty(item, "  ")


def _list_parts(items: Iterable[str]) -> Iterator[str]:
    first = True
    for item in items:
        yield f"{'[' if first else ','}\n  {item}"
        first = False
    yield "[]" if first else "\n ]"


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else value.item()  # a number of numpy's


def _worded(stored: Any, kind: Any, text: str, place: str) -> str:
    """msgspec's message with the names that it leaves out of the path, and the value there."""
    parts = re.fullmatch(r"(.*?)(?: - at (?:`key` in )?`(\$.*)`)?", text, re.DOTALL)
    assert parts is not None
    message, value = parts[1][0].lower() + parts[1][1:], stored
    if re.search(rf"`(int|float)` [<>]=? -?{_MOST}\b", message):
        message = f"expected a finite number, smaller than 2**{_MOST.bit_length() - 1}"
    for token in re.findall(r"\[(?:\d+|\.\.\.)\]|[^.\[\]$]+", parts[2] or ""):
        if token == "[...]":  # any key of a mapping
            key: Any = _failing_key(stored, kind, value, text)
        else:
            key = int(token[1:-1]) if token.startswith("[") else token
        place += f"[{key!r}]" if token.startswith("[") else f".{key}"
        value = value[key]
    if message.startswith("object "):
        return f"{place}: {message}"
    return f"{place} is {shown(value)}: {message}"


def _failing_key(stored: Any, kind: Any, mapping: dict[str, Any], text: str) -> str:
    items = dict(mapping)
    for key, value in items.items():
        mapping.clear()
        mapping[key] = value
        try:
            msgspec.convert(stored, kind)
        except msgspec.ValidationError as error:
            if str(error) == text:
                return key
    raise AssertionError(text)


def shown(value: object) -> str:
    """A value for an error message, cut where it is long."""
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}…"


def _pretty(value: Any, indent: str) -> str:
    if not isinstance(value, dict | list) or not value:
        return _encoded(value)
    nested = value.values() if isinstance(value, dict) else value
    if not any(isinstance(item, dict | list) and item for item in nested):
        flat = _encoded(value)
        if len(flat) < _LINE:
            return flat
    deeper = indent + " "
    parts = [_pretty(item, deeper) for item in nested]
    if isinstance(value, dict):
        keys = [_encoded(key) for key in value]
        parts = [f"{key}: {part}" for key, part in zip(keys, parts, strict=True)]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    inner = f",\n{deeper}".join(parts)
    return f"{opening}\n{deeper}{inner}\n{indent}{closing}"
