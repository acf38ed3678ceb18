"""The records that tests leave: one class for each kind of thing that a test can find out.

Gates make them (`pytest_lic.session`); the summary in the terminal, `Results`, and what is recorded
as a baseline are all made of them. A record travels from a worker of pytest-xdist to the controller
as builtins: see `to_builtins`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, get_args

from pytest_lic.baselines.comparison import Comparison, Verdict
from pytest_lic.checks.conformance import Examined
from pytest_lic.checks.environment_matrix import EnvironmentMatrix
from pytest_lic.measuring.grid import Cell
from pytest_lic.results.results import (
    ComplexityResult,
    CurveResult,
    MemoryResult,
    PointResult,
    ProgressiveResult,
)
from pytest_lic.system.typed_json import plain, structured


@dataclass(frozen=True)
class PointRecord:
    """Rate and quality of a cell, or why there are none.

    ``coded``: measured in this run, and not read from the cache. ``durable``: the codec has a
    fingerprint, so that the measurement is kept for the next run.
    """

    cell: Cell
    result: PointResult
    coded: bool = False
    durable: bool = True

    @property
    def comparison(self) -> Comparison:
        """The verdict."""
        return self.result.comparison


@dataclass(frozen=True)
class ConformanceRecord:
    """How the old bitstreams of a cell decode; ``examined`` is None where none could be."""

    cell: Cell
    comparison: Comparison
    examined: Examined | None = None


@dataclass(frozen=True)
class EnvironmentsRecord:
    """How the simulated environments agree on a cell."""

    cell: Cell
    matrix: EnvironmentMatrix


@dataclass(frozen=True)
class TimeRecord:
    """How one benchmark went, whose times pytest-benchmark holds.

    ``rounds`` are those of the warm-up, ``settled`` whether the times had settled after them, and
    ``spread`` the interquartile range of the counted rounds as a share of their median.
    """

    benchmark: str
    rounds: int
    settled: bool
    spread: float


@dataclass(frozen=True)
class UntimedRecord:
    """A cell of which no times could be taken, with the reason as a verdict."""

    cell: Cell
    comparison: Comparison


@dataclass(frozen=True)
class ErrorRecord:
    """A codec that broke: ``subject`` is the id of the cell or curve."""

    subject: str
    text: str

    @property
    def comparison(self) -> Comparison:
        """The error as a verdict."""
        return Comparison(self.subject, Verdict.ERROR, self.text)


@dataclass(frozen=True)
class Remark:
    """What is to be said of a cell and is no failure, ``subject`` being its id."""

    subject: str
    text: str


Judged = PointRecord | CurveResult | ConformanceRecord | ComplexityResult | MemoryResult
"""The records that hold a verdict, which fails the test or does not."""

Record = (
    Judged
    | EnvironmentsRecord
    | ProgressiveResult
    | TimeRecord
    | UntimedRecord
    | ErrorRecord
    | Remark
)
"""All kinds of records: a new kind joins them here."""

_KINDS: dict[str, Any] = {kind.__name__: kind for kind in get_args(Record)}
_Kind = TypeVar("_Kind")


def of_kind(records: Iterable[Record], kind: type[_Kind]) -> list[_Kind]:
    """The records of one kind, in their order."""
    return [record for record in records if isinstance(record, kind)]


def to_builtins(records: Iterable[Record]) -> list[tuple[str, Any]]:
    """Records as what pytest-xdist and JSON can carry: the name of each one's kind, its fields."""
    return [(type(record).__name__, plain(record)) for record in records]


def from_builtins(carried: Iterable[Sequence[Any]]) -> tuple[Record, ...]:
    """The inverse of `to_builtins`."""
    return tuple(structured(fields, _KINDS[kind]) for kind, fields in carried)
