"""What a test leaves on its report, there and on the way from a worker of pytest-xdist."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from pytest_lic.measuring.grid import Cell
from pytest_lic.results.records import Record, from_builtins, to_builtins
from pytest_lic.session.collecting import subject


@dataclass(frozen=True)
class Reported:
    """What a test is about, and what it found out.

    ``subject`` is the id of its cell or curve, and empty where it is about neither; ``cell`` is
    None unless it is about one. ``checks`` are the test's markers.
    """

    subject: str
    cell: Cell | None
    checks: tuple[str, ...]
    records: tuple[Record, ...]

    @classmethod
    def of(cls, item: pytest.Item, records: Sequence[Record]) -> Reported:
        """Of a test, with the records of its gate."""
        about = subject(item)
        return cls(
            "" if about is None else about.id,
            about if isinstance(about, Cell) else None,
            tuple(marker.name for marker in item.iter_markers()),
            tuple(records),
        )

    def to_builtins(self) -> dict[str, Any]:
        """As pytest-xdist and JSON can carry it."""
        return {
            "subject": self.subject,
            "cell": msgspec.to_builtins(self.cell),
            "checks": self.checks,
            "records": to_builtins(self.records),
        }

    @classmethod
    def from_builtins(cls, carried: Mapping[str, Any]) -> Reported:
        """The inverse of `to_builtins`."""
        return cls(
            carried["subject"],
            msgspec.convert(carried["cell"], Cell | None),
            tuple(carried["checks"]),
            from_builtins(carried["records"]),
        )
