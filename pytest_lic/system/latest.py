"""`Latest`, a slot for one costly thing, kept until another is asked for."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from pytest_lic.errors import LicError

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Latest(Generic[Key, Value]):
    """What was made last, or the `LicError` that making it ended in, under its key."""

    def __init__(self) -> None:
        self._latest: tuple[Key, Value | LicError] | None = None

    def of(self, key: Key, make: Callable[[], Value]) -> Value:
        """What ``make`` gives, or gave for the same key just before.

        Raises:
            LicError: ``make`` raised it, now or just before.
        """
        if self._latest is None or self._latest[0] != key:
            self._latest = None  # let the old one go before the next is made
            try:
                self._latest = (key, make())
            except LicError as error:
                self._latest = (key, error)
        value = self._latest[1]
        if isinstance(value, LicError):
            raise value
        return value

    def forget(self) -> None:
        """Let it go."""
        self._latest = None
