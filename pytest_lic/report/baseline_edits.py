"""The edits of baselines that a branch makes, each with its verdict, for a terminal and a page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pytest_lic.baselines.edits import Edit
from pytest_lic.report.markdown.page import LIMIT, Page
from pytest_lic.report.markdown.text import escaped
from pytest_lic.report.words import counted, difference_text
from pytest_lic.results.json_file import json_value
from pytest_lic.system.words import shortened

FORMAT = 1
_LINES = 4  # of the numbers of one edit


def edits_text(edits: Sequence[Edit]) -> str:
    """A line for each edit with its numbers below, the worst last; then what it comes to."""
    lines = []
    for edit in reversed(edits):
        lines.append(f"{edit.kind}: {edit.subject}{f': {edit.reason}' if edit.reason else ''}")
        numbers = [difference_text(difference) for difference in edit.moved]
        lines += [f"  {line}" for line in shortened(numbers, _LINES, "more numbers")]
    return "\n".join([*lines, edits_headline(edits)]) + "\n"


def edits_markdown(edits: Sequence[Edit], room: int = LIMIT) -> str:
    """The same for a pull request, in at most ``room`` bytes."""
    page = Page(room)
    page.add(f"### {edits_headline(edits)}", "")
    columns = ("edit", "of", "number that moved most", "moved")
    page.table(columns, map(_row, edits), "edits")
    return page.text


def edits_json(edits: Sequence[Edit]) -> dict[str, Any]:
    """Every edit with all its numbers."""
    return {
        "format": FORMAT,
        "lowered": any(edit.kind.lowers for edit in edits),
        "edits": json_value(edits),
    }


def edits_headline(edits: Sequence[Edit]) -> str:
    """Whether the bar moved, and how many edits there are of each kind, the worst first."""
    if not edits:
        return "baselines: no edit"
    lowered = any(edit.kind.lowers for edit in edits)
    verdict = "the bar was lowered" if lowered else "no bar was lowered beyond its tolerance"
    return f"baselines: {verdict}: {', '.join(counted(edit.kind for edit in edits))}"


def _row(edit: Edit) -> tuple[str, ...]:
    kind = f"**{edit.kind}**" if edit.kind.lowers else edit.kind.value
    most = difference_text(edit.moved[0]) if edit.moved else ""
    why = "; ".join(filter(None, (edit.reason, most)))
    numbers = f"{len(edit.moved)} numbers" if edit.moved else ""
    return kind, escaped(edit.subject), escaped(why), numbers
