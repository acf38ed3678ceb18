"""The files of a run's results: JSON, HTML and Markdown where options ask, and GitHub's summary."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_lic.project.options import Options
from pytest_lic.report.html import html_report
from pytest_lic.report.run_markdown import results_markdown
from pytest_lic.results.json_file import to_text
from pytest_lic.results.results import Results
from pytest_lic.system.files import write_whole
from pytest_lic.system.words import listed


class GitHubSummary:
    """The file that GitHub shows beside a workflow's run; ``path`` is None outside of one."""

    def __init__(self) -> None:
        path = os.environ.get("GITHUB_STEP_SUMMARY")
        self.path = Path(path) if path else None
        self._start: int | None = None

    def write(self, text: str) -> None:
        """Add a text behind what others wrote, in place of what was added before."""
        if self.path is None:
            return
        with self.path.open("ab") as stream:
            self._start = stream.tell() if self._start is None else self._start
            stream.truncate(self._start)
            stream.write(text.encode())


def write_files(
    results: Results, options: Options, summary: GitHubSummary | None
) -> tuple[list[str], bool]:
    """Write them; a line on each, and whether one is lacking that was asked for.

    Args:
        results: of the run.
        options: that name the files.
        summary: GitHub's file, which grows by the Markdown page, if there is one.
    """
    lines: list[str] = []

    def written(option: str, what: str, path: Path | None, make: Callable[[], str]) -> bool:
        if path is None:
            return True
        try:
            # An error's text or a file's name may hold what is no character; JSON's escapes can.
            write_whole(path, make().encode(errors="backslashreplace"))
        except OSError as error:
            lines.append(f"--lic-{option} {path}: can't be written: {error}")
            return False
        lines.append(f"{what}: {path}")
        return True

    whole = written("json", "results", options.json, lambda: to_text(results))
    if not whole:  # the run fails of it, and the others say so
        facts = replace(results.run, exit_status=results.run.exit_status or 1)
        results = replace(results, run=facts, remarks=(*results.remarks, lines[-1]))
    whole &= written("html", "report", options.html, lambda: html_report({"": results}))
    whole &= written("markdown", "summary", options.markdown, lambda: results_markdown(results))
    if summary is not None:
        try:
            summary.write(results_markdown(results))
        except OSError as error:  # nobody asked for it
            lines.append(f"$GITHUB_STEP_SUMMARY can't be written: {error}")
    return lines, not whole


def why_failed(error: BaseException, config: pytest.Config) -> str:
    """What another plugin ended a run with, on one line; with the benchmarks that got slower."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    benchmarks = config.pluginmanager.get_plugin("pytest-benchmark")
    slower = getattr(benchmarks, "performance_regressions", ())
    told = [f"{name}: {check}" for name, check in slower]
    return f"{text} ({listed(told, 3)})" if told else text
