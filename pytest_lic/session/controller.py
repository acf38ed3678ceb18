"""A run's controller: takes what all tests report, and in the end does what follows from it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import get_args

import pytest

from pytest_lic.report.terminal import summary as terminal
from pytest_lic.results.records import ErrorRecord, Record, Remark
from pytest_lic.results.results import Outcome, Results, TestResult
from pytest_lic.run.run import Run
from pytest_lic.run.update import update_baselines
from pytest_lic.session.collecting import bracketed
from pytest_lic.session.crops import with_crops
from pytest_lic.session.gather_results import results_of
from pytest_lic.session.reported import Reported
from pytest_lic.session.result_files import GitHubSummary, write_files
from pytest_lic.session.shard_record import shard_facts

_NEVER_RECORDED = {"roundtrip", "determinism"}
"""Checks that a codec must pass, or nothing of it is recorded."""


class Controller:
    """Collects what tests report, from this process or from workers."""

    def __init__(self) -> None:
        self._records: list[Record] = []
        self._tests: list[TestResult] = []
        self._broken: set[tuple[str, str]] = set()
        self._silent: list[pytest.TestReport] = []
        self._epilogue: list[str] = []
        self._results: Results | None = None
        self._summary = GitHubSummary()

    @property
    def has_records(self) -> bool:
        """Whether any test left something."""
        return bool(self._records)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take in one test's report."""
        reported: Reported | None = getattr(report, "lic", None)
        if reported is None:
            if report.failed:
                self._silent.append(report)
            return
        if report.outcome not in get_args(Outcome):
            # A plugin such as pytest-rerunfailures runs the test again, and only that counts.
            subject = reported.subject or report.nodeid
            lines = report.longreprtext.removeprefix(f"{subject}: ").strip().splitlines()
            why = lines[0] if lines else "no reason given"
            self._records.append(Remark(subject, f"tried again, since it failed: {why}"))
            return
        self._records += reported.records
        text = _failure_text(report) if report.failed else _skip_reason(report)
        self._tests.append(
            TestResult(
                report.nodeid,
                report.outcome,
                reported.checks,
                reported.subject,
                text,
                round(report.duration, 3),
            )
        )
        cell = reported.cell
        broken = any(isinstance(record, ErrorRecord) for record in reported.records)
        # Of a curve that fails, the points speak for themselves.
        if cell and (broken or (report.failed and _NEVER_RECORDED & set(reported.checks))):
            self._broken.add((cell.family, cell.quality))

    def update(self, run: Run, exit_status: int) -> bool:
        """Update, name or prune baselines; whether that should fail a run that passed."""
        options = run.setup.options
        if not _ended(exit_status):
            if options.update or options.update_missing or options.prune:
                self._epilogue.append("baselines left as they were: the run did not end")
            return False
        broken = self._broken | self._died(run)
        lines, failed = update_baselines(run, self._records, broken)
        self._epilogue += lines
        return failed

    def refuse_threads(self, threads: Sequence[str]) -> bool:
        """Name threads that keep the process from ending; whether there are any."""
        self._epilogue += (
            f"thread {thread} still runs, and this process would wait for it for ever: whoever "
            "started it must end it, or make it a daemon"
            for thread in threads
        )
        return bool(threads)

    def write_results(self, run: Run, exit_status: int, benchmarks: Iterable[object]) -> bool:
        """Write the files that options ask for, and GitHub's; whether one could not be written."""
        options = run.setup.options
        tests = [*self._tests, *self._without_record(run)]
        summary = self._summary if tests else None
        shown = options.json is not None or options.html is not None
        if not shown and options.markdown is None and (summary is None or summary.path is None):
            return False
        results = results_of(run.setup, self._records, tests, benchmarks, exit_status)
        results = replace(results, shard=shard_facts(run))
        if shown and _ended(exit_status):
            kept = run.measurements.reconstructions
            results = with_crops(run.setup, run.codecs, kept, results, options.crops)
        lines, failed = write_files(results, options, summary)
        self._epilogue += lines
        ended = replace(results.run, exit_status=max(exit_status, int(failed)))
        self._results = replace(results, run=ended)
        return failed

    def fail_late(self, run: Run, exit_status: int, failure: str) -> None:
        """Write the files again, where the run has failed since of something else than a test."""
        written = self._results
        if written is None or (exit_status == written.run.exit_status and not failure):
            return
        failure = failure or f"ended with exit status {exit_status} after its tests"
        facts = replace(written.run, exit_status=exit_status or 1, failure=failure)
        summary = self._summary if written.tests else None
        write_files(replace(written, run=facts), run.setup.options, summary)

    def print(self, reporter: pytest.TerminalReporter, run: Run) -> None:
        """Write the summary."""
        if not self._records and not self._epilogue:
            return
        terminal.write(reporter, self._records, run.setup.families)
        for line in self._epilogue:
            reporter.write_line(f"lic: {line}")

    def _died(self, run: Run) -> set[tuple[str, str]]:
        """Family and quality of the tests that failed without a record: their worker died."""
        return {
            (cell.family, cell.quality)
            for cell in run.setup.grid.of("rate", "edge", "conformance")
            if any(f"[{cell.id}]" in report.nodeid for report in self._silent)
        }

    def _without_record(self, run: Run) -> list[TestResult]:
        """The tests that failed without a record: nothing else in the results tells of them."""
        grid = run.setup.grid
        known = {cell.id for cell in grid.of("rate", "edge", "conformance")}
        known |= {curve.id for curve in grid.curves}
        return [
            TestResult(
                report.nodeid,
                "failed",
                (),
                named if (named := bracketed(report.nodeid)) in known else "",
                _failure_text(report),
            )
            for report in self._silent
        ]


def _ended(exit_status: int) -> bool:
    """Whether all tests ran, passed or failed."""
    return exit_status in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)


def _failure_text(report: pytest.TestReport) -> str:
    """Why it failed, without the line that pytest-xdist puts before it."""
    text = report.longreprtext
    return text.partition("\n")[2] if hasattr(report, "node") else text


def _skip_reason(report: pytest.TestReport) -> str:
    return str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else ""
