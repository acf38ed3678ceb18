"""What is recorded and nothing asks for any more: a baseline's entry, or a kept bitstream."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

KeyT = TypeVar("KeyT")


@dataclass(frozen=True)
class Stale(Generic[KeyT]):
    """``key`` is what it is found by within its family; ``what`` and ``why`` say it in words."""

    family: str
    key: KeyT
    what: str
    why: str

    @property
    def text(self) -> str:
        """In one line."""
        return f"{self.family}, {self.what}: {self.why}"


def by_family(stale: Iterable[Stale[KeyT]]) -> dict[str, set[KeyT]]:
    """Family → the keys of what is stale of it."""
    keys: dict[str, set[KeyT]] = {}
    for entry in stale:
        keys.setdefault(entry.family, set()).add(entry.key)
    return keys
