"""What coding costs: operations and weights of each quality, and the memory that it takes."""

from __future__ import annotations

from typing import Any

from pytest_lic.report.costs import COMPLEXITY, MEMORY, complexity_rows, memory_rows
from pytest_lic.report.html.content import Content


def complexity(content: Content) -> dict[str, Any] | None:
    """The section."""
    tables = [
        {
            "title": title,
            "headings": headings,
            "rows": [(run, row) for run, of_run in content.runs.items() for row in rows(of_run)],
        }
        for title, headings, rows in (
            ("Operations and weights", COMPLEXITY, complexity_rows),
            ("Memory", MEMORY, memory_rows),
        )
    ]
    tables = [table for table in tables if table["rows"]]
    return {"cost_tables": tables} if tables else None
