"""The controller's view of a run: what every test reported, and what follows from it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_lic.errors import LicError
from pytest_lic.report.html import html_report
from pytest_lic.report.run_markdown import results_markdown
from pytest_lic.report.terminal import summary as terminal
from pytest_lic.results.json_file import to_text
from pytest_lic.results.results import TestResult
from pytest_lic.run import update_entries, update_streams
from pytest_lic.run.run import Run
from pytest_lic.session.crops import with_crops
from pytest_lic.session.gather_results import results_of
from pytest_lic.system.files import write_whole


class SessionReport:
    """Collects the records of all tests, from this process or from workers; then acts on them."""

    def __init__(self) -> None:
        self._records: list[dict[str, Any]] = []
        self._tests: list[TestResult] = []
        self._broken: set[tuple[str, str]] = set()
        self._silent: list[pytest.TestReport] = []
        self._epilogue: list[str] = []

    @property
    def has_records(self) -> bool:
        """Whether any test reported something."""
        return bool(self._records)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take in one test's report."""
        found = getattr(report, "lic", None)
        if found is None:
            if report.failed:
                self._silent.append(report)
            return
        self._records += found["records"]
        self._tests.append(
            TestResult(
                report.nodeid,
                report.outcome,
                tuple(found["checks"]),
                found["subject"] or "",
                _failure_text(report) if report.failed else _skip_reason(report),
            )
        )
        if found["quality"] is None:
            return  # a curve, or a test about no cell: its points speak for themselves
        broken = any(record["kind"] == "error" for record in found["records"])
        if broken or (report.failed and {"roundtrip", "determinism"} & set(found["checks"])):
            self._broken.add((found["family"], found["quality"]))

    def opening_lines(self, run: Run, gates: bool = True) -> list[str]:
        """What the run measures, before it starts; ``gates``: whether it does more than timing."""
        grid, options = run.setup.grid, run.setup.options
        if not grid.of("rate", "time"):
            return ["lic: no codec is on the grid"]
        notes = [f"lic: {note}" for note in (options.misled, *grid.notes) if note is not None]
        timed = [self._timing_line(run)] if grid.of("time") else []
        gated = [self._gates_line(run)] if grid.of("rate") and gates else []
        return [*gated, *timed, *notes]

    def _timing_line(self, run: Run) -> str:
        cells, choice = run.setup.grid.of("time"), run.setup.options.timing
        assert choice is not None
        codecs = len({(cell.family, cell.quality) for cell in cells})
        images = ", ".join(sorted({cell.setting.corpus for cell in cells}))
        sides = sorted({int(cell.setting.resolution) for cell in cells})
        batches = sorted({cell.setting.batch for cell in cells})
        return (
            f"lic: timing {codecs} codecs on {images} images: {_joined(sides)} px, batches of "
            f"{_joined(batches)}; {_threads(run)}"
        )

    def _gates_line(self, run: Run) -> str:
        grid, options = run.setup.grid, run.setup.options
        cells = grid.of("rate")
        families = len({cell.family for cell in cells})
        corpora = ", ".join(sorted({cell.setting.corpus for cell in cells}))
        cache = f"cache {options.cache}" if options.cache is not None else "no cache"
        return (
            f"lic: {len(cells)} cells of {families} codecs on {corpora}; {_threads(run)}; {cache}"
        )

    def finish(self, run: Run, exitstatus: int) -> bool:
        """Update, name or prune baselines; whether that should fail a run that passed."""
        options = run.setup.options
        ended = exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
        recording_asked = options.update or options.update_missing
        if not ended:
            if recording_asked or options.prune:
                self._epilogue.append("baselines left as they were: the run did not end")
            return False
        points = update_entries.points(self._records)
        try:
            if recording_asked:
                broken = self._broken | self._died(run)
                lines = update_entries.record(run, points, broken)
                lines += update_streams.record(run, self._records, broken)
                self._epilogue += lines or ["baselines: nothing to record, all is as it was"]
            measured = {point.measurement.cell for point in points} >= set(
                run.setup.grid.of("rate")
            )
            measured = measured and bool(points)
            decoded = update_streams.covers(run, self._records)
            if options.selection.narrows or not (measured or decoded):
                if options.prune:
                    self._epilogue.append(
                        "--lic-prune refused: not every cell was measured, so what is stale "
                        "can't be told; nothing was removed"
                    )
                return options.prune
            gone = update_entries.stale(run, points) if measured else []
            streams = update_streams.stale(run) if decoded else []
            if options.prune:
                update_entries.prune(run, gone)
                update_streams.prune(run, streams)
            verb = "removed" if options.prune else "stale (--lic-prune removes it)"
            told = [*map(update_entries.stale_text, gone), *map(update_streams.stale_text, streams)]
            self._epilogue += [f"{verb}: {each}" for each in told]
        except LicError as error:
            self._epilogue.append(str(error))
            return True
        return False

    def write_results(self, run: Run, exitstatus: int, benchmarks: Iterable[Any]) -> bool:
        """Write the files that options ask for, and GitHub's; whether one could not be written."""
        options = run.setup.options
        tests = [*self._tests, *self._without_record(run)]
        summary = os.environ.get("GITHUB_STEP_SUMMARY") if tests else None
        shown = options.json is not None or options.html is not None
        if not shown and options.markdown is None and not summary:
            return False
        results = results_of(run.setup, self._records, tests, benchmarks, exitstatus)
        if shown and exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            results = with_crops(run.setup, run.codecs, run.measurements.reconstructions, results)
        kept = self._written("json", "results", options.json, lambda: to_text(results))
        if not kept:  # the run fails of it, and the others say so
            facts = replace(results.run, exit_status=results.run.exit_status or 1)
            remarks = (*results.remarks, self._epilogue[-1])
            results = replace(results, run=facts, remarks=remarks)
        written = [
            kept,
            self._written("html", "report", options.html, lambda: html_report({"": results})),
            self._written(
                "markdown", "summary", options.markdown, lambda: results_markdown(results)
            ),
        ]
        if summary:
            try:
                with Path(summary).open("a", encoding="utf-8") as stream:
                    stream.write(results_markdown(results))
            except OSError as error:  # nobody asked for it
                self._epilogue.append(f"$GITHUB_STEP_SUMMARY can't be written: {error}")
        return not all(written)

    def _written(self, option: str, what: str, path: Path | None, make: Callable[[], str]) -> bool:
        """Whether a file is there in the end, or not asked for."""
        if path is None:
            return True
        try:
            # An error's text or a file's name may hold what is no character; JSON's escapes can.
            write_whole(path, make().encode(errors="backslashreplace"))
        except OSError as error:
            self._epilogue.append(f"--lic-{option} {path}: can't be written: {error}")
            return False
        self._epilogue.append(f"{what}: {path}")
        return True

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
                named if (named := _named(report)) in known else "",
                _failure_text(report),
            )
            for report in self._silent
        ]

    def print(self, reporter: pytest.TerminalReporter, run: Run) -> None:
        """Write the summary."""
        if not self._records and not self._epilogue:
            return
        terminal.write(reporter, self._records, run.setup.families)
        for line in self._epilogue:
            reporter.write_line(f"lic: {line}")


def _named(report: pytest.TestReport) -> str:
    """What stands in the brackets of a test's id."""
    return report.nodeid.rpartition("[")[2].removesuffix("]")


def _failure_text(report: pytest.TestReport) -> str:
    """Why it failed, without the line that pytest-xdist puts before it."""
    text = report.longreprtext
    return text.partition("\n")[2] if hasattr(report, "node") else text


def _skip_reason(report: pytest.TestReport) -> str:
    return str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else ""


def _threads(run: Run) -> str:
    threads = run.setup.options.threads
    return f"{threads} thread{'s' if threads > 1 else ''} per process"


def _joined(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))
