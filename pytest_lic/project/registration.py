"""Registered: what hooks and entry points give, by name; errors name the one that failed."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from pytest_lic.errors import LicError, UsageError, is_crash


class Named(Protocol):
    """What can be registered."""

    @property
    def name(self) -> str:
        """Unique among its kind."""
        ...


Kind = TypeVar("Kind", bound=Named)


class Registered(Generic[Kind]):
    """Things of one kind by name, in the order in which they were found.

    Args:
        what: their name in messages, such as ``"codec families"``.
        kinds: their classes.
    """

    def __init__(self, what: str, kinds: tuple[type[Kind], ...]) -> None:
        self.by_name: dict[str, Kind] = {}
        self._sources: dict[str, str] = {}
        self._what = what
        self._kinds = kinds
        self._expected = " or ".join(kind.__name__ for kind in kinds) + " objects"

    def add_hooks(self, name: str, hook: Any) -> None:
        """Take what every implementation of the hook ``name`` yields.

        Raises:
            UsageError: one that fails or yields something else, or two things of one name.
        """
        for implementation in hook.get_hookimpls():
            source = f"{name} in {_place(implementation.plugin)}"
            self._add_called(source, implementation.function)

    def add_entry_point(self, entry: metadata.EntryPoint) -> None:
        """Take what the function yields that an installed package registers.

        Raises:
            UsageError: as `add_hooks`.
        """
        source = f"entry point {entry.name} = {entry.value}"
        self._add_called(source, lambda: entry.load()())

    def add(self, source: str, things: Iterable[Kind]) -> None:
        """Take these things, which come from ``source``.

        Raises:
            UsageError: one of another class, or two of one name.
        """
        for thing in things:
            if not isinstance(thing, self._kinds):
                raise UsageError(f"{source} gave {thing!r:.60}; expected {self._expected}")
            if thing.name in self.by_name:
                raise UsageError(
                    f"two {self._what} are named {thing.name!r}: one from "
                    f"{self._sources[thing.name]}, one from {source}; rename one"
                )
            self.by_name[thing.name] = thing
            self._sources[thing.name] = source

    def _add_called(self, source: str, function: Any) -> None:
        try:
            things = function()
            if things is None:
                raise UsageError(f"it returned nothing; expected it to yield {self._expected}")
            things = list(things)
        except LicError as error:
            raise UsageError(f"{source}: {error}") from error
        except BaseException as error:
            if not is_crash(error):
                raise
            raise UsageError(
                f"{source} failed: {type(error).__name__}: {error}; mend it, or uninstall the "
                "package that registers it"
            ) from error
        self.add(source, things)


def entry_points(group: str) -> list[metadata.EntryPoint]:
    """The entry points of a group, in alphabetical order."""
    return sorted(metadata.entry_points(group=group), key=lambda entry: entry.name)


def _place(plugin: object) -> str:
    path = getattr(plugin, "__file__", None)
    return str(Path(path)) if path else repr(plugin)
