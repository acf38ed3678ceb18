"""Takes the records of one test, and fails it over those that are for the worse."""

from __future__ import annotations

from pytest_lic.errors import LicError
from pytest_lic.project.options import Options
from pytest_lic.report.words import comparison_text
from pytest_lic.results.records import Judged, Record, Remark


class GateError(LicError):
    """A gate fired; the text names the culprit."""


class Recorder:
    """What one test leaves for the report.

    Args:
        options: whose ``--lic-strict`` and ``--lic-update`` say what fails.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self.records: list[Record] = []

    def add(self, record: Record) -> None:
        """Leave a record."""
        self.records.append(record)

    def judge(self, record: Judged, command: str, *, can_be_recorded: bool = True) -> None:
        """Leave a record, and fail over its verdict unless it is to be the new baseline.

        Args:
            record: with the verdict.
            command: the command line to look closer.
            can_be_recorded: what is wrong is right once it is recorded.

        Raises:
            GateError: the verdict fails.
        """
        self.add(record)
        verdict = record.comparison.verdict
        is_recorded = self._options.update and can_be_recorded
        if verdict.fails(strict=self._options.strict) and not is_recorded:
            raise GateError(comparison_text(record.comparison, command))

    def remark(self, subject: str, text: str | None, *, expected: bool = False) -> None:
        """Leave a remark, if there is one.

        Args:
            subject: the id of the cell.
            text: the remark.
            expected: it is no fault, of a strict run neither.

        Raises:
            GateError: so it is, and the run is strict.
        """
        if text is None:
            return
        if self._options.strict and not expected:
            raise GateError(f"{subject}: {text}")
        self.add(Remark(subject, text))
