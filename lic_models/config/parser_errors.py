"""jsonargparse's messages about wrong options, reduced to the key and the reason.

Its messages quote the whole value and every type that was tried. Here each becomes the dotted key
of the option that is wrong, and what is wrong with it; unknown names get the nearest right one.
"""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module

from jsonargparse import ArgumentParser

_TYPES = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "a text",
    "list": "a list",
    "dict": "a mapping",
    "Path": "a path",
    "pathlib.Path": "a path",
    "NoneType": "null",
}
_LONGEST = 200


@dataclass(frozen=True)
class Problem:
    """What is wrong with which option: its dotted key ("" where that is not told), and why."""

    key: str
    what: str


def explain(text: str, options: Iterable[str] = ()) -> Problem:
    """The essence of an error message of jsonargparse.

    Args:
        text: the message.
        options: the dotted keys that exist, for suggestions.
    """
    text = " ".join(text.split())
    key = ".init_args.".join(re.findall(r'Parser key "([^"]+)":', text))
    owners = re.findall(r"Problem with given class_path '([^']+)'", text)
    for pattern, reason in _REASONS:
        match = re.search(pattern, text)
        if match is not None:
            return reason(match, key, owners[-1] if owners else "", list(options))
    return Problem(key, _type_reason(text) or _shortened(text))


def nearest(name: str, known: Iterable[str]) -> str:
    """``; did you mean …?`` with the names that resemble ``name``; "" where none does."""
    close = difflib.get_close_matches(name, sorted(set(known)), n=3, cutoff=0.6)
    return f"; did you mean {' or '.join(close)}?" if close else ""


def _known_or(name: str, known: Iterable[str]) -> str:
    """The nearest names, or all of them where none is near."""
    names = sorted(set(known))
    listed = f"; known: {', '.join(names[:12])}{', …' if len(names) > 12 else ''}"
    return nearest(name, names) or (listed if names else "")


def _arguments(class_path: str) -> list[str]:
    """The names of a class's arguments, those that it hands on to its base included."""
    kind = _class(class_path)
    if kind is None:
        return []
    added = ArgumentParser(exit_on_error=False).add_class_arguments(kind, "x", fail_untyped=False)
    return [name.removeprefix("x.") for name in added]


def _class(class_path: str) -> type | None:
    module, _, name = class_path.rpartition(".")
    try:
        member = getattr(import_module(module), name, None)
    except (ImportError, ValueError):
        return None
    return member if inspect.isclass(member) else None


def _classes(module: str) -> list[str]:
    try:
        members = vars(import_module(module))
    except ImportError:
        return []
    return [name for name, member in members.items() if inspect.isclass(member)]


def _unknown_argument(match: re.Match[str], key: str, owner: str, _: list[str]) -> Problem:
    owner_of_value = re.search(r"Namespace\(class_path='([^']+)'", match.string)
    if key.count(".init_args.") and owner_of_value:  # the class of an argument, not of a component
        owner = owner_of_value[1]
    name = match["name"]
    if advice := nearest(name, ["class_path", "init_args"]):
        return Problem(f"{key}.{name}", f"no such key{advice}")
    kind = owner.rsplit(".", 1)[-1]
    known = _arguments(owner)
    return Problem(
        f"{key}.init_args.{name}", f"{kind} has no such argument{_known_or(name, known)}"
    )


def _unknown_option(match: re.Match[str], key: str, owner: str, options: list[str]) -> Problem:
    name = f"{match['group']}.{match['name']}".lstrip(".")
    parent, dot, leaf = name.rpartition(".")
    siblings = [option.rpartition(".") for option in options]
    beside = nearest(leaf, [last for above, _, last in siblings if above == parent])
    advice = beside.replace("did you mean ", f"did you mean {parent}{dot}")
    advice = advice.replace(" or ", f" or {parent}{dot}")
    return Problem(name, "no such option" + (advice or nearest(name, options)))


def _unknown_class(match: re.Match[str], key: str, owner: str, _: list[str]) -> Problem:
    module, name = match["module"], match["name"]
    return Problem(key, f"{module} has no class {name}{nearest(name, _classes(module))}")


def _unknown_module(match: re.Match[str], key: str, owner: str, _: list[str]) -> Problem:
    return Problem(key, f"there is no module {match['module']}; expected a class path that imports")


def _wrong_class(match: re.Match[str], key: str, owner: str, _: list[str]) -> Problem:
    groups = match.groupdict()
    value = groups.get("given") or _value(match.string)
    return Problem(key, f"{value} is no {match['base']}; expected the class path of one")


def _missing(match: re.Match[str], key: str, owner: str, _: list[str]) -> Problem:
    return Problem(f"{key}.init_args.{match['name']}", f"missing, and {owner} needs it")


def _no_value(match: re.Match[str], key: str, owner: str, _: list[str]) -> Problem:
    return Problem(match["key"], "expected a value after it")


_REASONS = (
    (r"^unrecognized arguments: (?P<group>)(?:--)?(?P<name>[^\s=]+)", _unknown_option),
    (r"^Subcommand '\w+' does not accept (?P<group>)option '(?P<name>[^']+)'", _unknown_option),
    (r"^Group '(?P<group>[^']+)' does not accept option '(?P<name>[^']+)'", _unknown_option),
    (r"^argument (?:-\w, )?--(?P<key>\S+): expected .*argument", _no_value),
    (r"the following arguments are required: (?P<name>\w+)", _missing),
    (r"Option '(?P<name>[^']+)' is not accepted", _unknown_argument),
    (r"module '(?P<module>[\w.]+)' has no attribute '(?P<name>\w+)'", _unknown_class),
    (r"No module named '(?P<module>[\w.]+)'", _unknown_module),
    (r"Import path does not correspond to a subclass of (?P<base>\w+)", _wrong_class),
    (
        r"Expected '(?P<given>[\w.]+)' to be a subclass of <class '(?P<base>\w+)'>",
        _wrong_class,
    ),
    (r"Not a valid subclass of (?P<base>\w+)", _wrong_class),
)


def _type_reason(text: str) -> str | None:
    """The value, and which types it may have."""
    innermost = re.split(r'Parser key "[^"]+":', text)[-1]
    match = re.search(r"(.*?)(?:Given value type: .*?)?(?:Given|Got) value: ", innermost)
    expected = re.findall(
        r"<class '(?P<type>[\w.]+)'>|Literal\[(?P<words>[^\]]+)\]", match[1] if match else innermost
    )
    names = [
        *(_TYPES.get(kind, kind) for kind, _ in expected if kind),
        *(word.strip(" '\"") for _, words in expected for word in words.split(",") if words),
    ]
    if not names:
        return None
    *others, last = dict.fromkeys(sorted(names, key=_TYPES["NoneType"].__eq__))
    choices = f"{', '.join(others)} or {last}" if others else last
    return f"{_value(innermost)}; expected {choices}"


def _value(text: str) -> str:
    """The value that was given, as a message quotes it."""
    match = re.search(r"(?:Given|Got) value: (.*?)(?: - Expected |$)", text)
    return _shortened(match[1]) if match else "value of the wrong kind"


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
