"""Published times of networks, kept as numbers with their source: to look at, not to gate by.

They are of another machine, taken by another method, so no comparison with them is a verdict.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from types import MappingProxyType

import msgspec

_FILES: Mapping[str, str] = MappingProxyType({"thesis": "thesis-timing.json"})


@dataclass(frozen=True)
class PublishedTime:
    """One number: of which codec, of what, and in which unit, as its source has it."""

    codec: str
    what: str
    value: float
    unit: str


@dataclass(frozen=True)
class PublishedTimings:
    """The numbers of one source, with their circumstances."""

    source: str
    networks: str
    gpu: str
    method: str
    facts: tuple[PublishedTime, ...]


def published_timing_names() -> tuple[str, ...]:
    """The names that `published_timings` answers to, sorted."""
    return tuple(sorted(_FILES))


def published_timings(name: str) -> PublishedTimings:
    """The times of one of `published_timing_names`.

    Raises:
        KeyError: there are none of that name.
    """
    text = resources.files(__package__).joinpath(_FILES[name]).read_bytes()
    return msgspec.json.decode(text, type=PublishedTimings)
