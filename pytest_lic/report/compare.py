"""Two runs compared, for the terminal, as Markdown, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from pytest_lic.baselines.comparison import Comparison, Verdict
from pytest_lic.measuring.metrics import HEADLINES
from pytest_lic.report.markdown.changes import CHANGE_NUMBERS, change_columns, change_row
from pytest_lic.report.markdown.page import LIMIT, Page
from pytest_lic.report.markdown.text import escaped
from pytest_lic.report.words import counted, difference_text, moved
from pytest_lic.results.json_file import json_value
from pytest_lic.results.results import RunFacts
from pytest_lic.results.two_runs import CellChange, ResultsComparison
from pytest_lic.system.words import shortened

FORMAT = 1
_QUIET = (Verdict.SAME, Verdict.WITHIN, Verdict.CHANGED)
_SILENT = (Verdict.SAME, Verdict.WITHIN)  # of costs
_LINES = 8  # of the numbers of one cell
_MISORDERED = (
    "the run before is the younger of the two: where that is not meant, give the older one first"
)
_NOT_GATED = "times of two runs decide nothing; pytest-lic ab takes them side by side"


def compare_text(compared: ResultsComparison) -> str:
    """What changed, the worst last, where a terminal shows it."""
    lines = [f"before: {_run(compared.before)}", f"after:  {_run(compared.after)}"]
    lines += [_MISORDERED, ""] if compared.misordered else [""]
    lines += [f"{place}: {subject}" for place, subject in _one_sided(compared)]
    for change in reversed(_changed(compared.cells)):
        comparison = change.comparison
        means = zip(moved(change.before, change.after), HEADLINES, strict=True)
        numbers = ", ".join(f"{text} {metric.unit}" for text, metric in means)
        lines.append(f"{comparison.verdict}: {comparison.subject}: {numbers}")
        worse = [difference_text(difference) for difference in comparison.differences]
        lines += [f"  {line}" for line in shortened(worse or [comparison.reason], _LINES)]
    in_words = (*compared.curves, *_moved_costs(compared), *compared.broken)
    lines += [f"{one.verdict}: {one.subject}: {one.reason}" for one in in_words]
    lines += [f"time: {name}: {ratio}" for name, ratio in _times(compared)]
    if compared.times:
        lines.append(f"time: {_NOT_GATED}")
    return "\n".join([*lines, compare_headline(compared)]) + "\n"


def compare_markdown(compared: ResultsComparison, room: int = LIMIT) -> str:
    """The same for a comment on a pull request, of at most ``room`` bytes."""
    page = Page(room)
    page.add(f"### pytest-lic: {compare_headline(compared)}", "")
    page.add(
        f"before: {escaped(_run(compared.before))}  ", f"after: {escaped(_run(compared.after))}", ""
    )
    if compared.misordered:
        page.add(f"{_MISORDERED}.", "")
    changed = [
        change_row(change.comparison, moved(change.before, change.after))
        for change in _changed(compared.cells)
    ]
    changed += [change_row(comparison) for comparison in compared.broken]
    page.table(change_columns("cell"), changed, "cells", numbers=CHANGE_NUMBERS, most=20_000)
    curves = [
        (escaped(curve.subject), curve.verdict.value, escaped(curve.reason))
        for curve in compared.curves
    ]
    page.table(("curve", "verdict", "BD-rate"), curves, "curves", most=12_000)
    costs = [
        [f"- {cost.verdict}: {escaped(cost.subject)}", *_listed(cost.reason)]
        for cost in _moved_costs(compared)
    ]
    page.blocks(costs, "qualities", title="Complexity and memory", most=8_000)
    sides = [[f"- {place}: {escaped(subject)}"] for place, subject in _one_sided(compared)]
    page.blocks(sides, "cells", title=f"{len(sides)} cells of one run alone", most=8_000)
    times = [(escaped(name), ratio) for name, ratio in _times(compared)]
    page.table(
        ("what", "after / before"),
        times,
        "times",
        numbers=(1,),
        above=(f"{_NOT_GATED}.", ""),
        title="Times",
        most=8_000,
    )
    return page.text


def compare_json(compared: ResultsComparison) -> dict[str, Any]:
    """Every verdict with its numbers; differences as a results file has them."""
    return {
        "format": FORMAT,
        "worse": compared.worse,
        "cells": [json_value(change.comparison) for change in compared.cells],
        "curves": json_value(compared.curves),
        "costs": json_value(compared.costs),
        "broken": json_value(compared.broken),
        "times": [{**asdict(time), "ratio": time.ratio} for time in compared.times],
        "only_before": list(compared.only_before),
        "only_after": list(compared.only_after),
        "misordered": compared.misordered,
    }


def compare_headline(compared: ResultsComparison) -> str:
    """Whether anything got worse, and how many verdicts of each kind there are, worst first."""
    counts = counted(comparison.verdict for comparison in compared.comparisons)
    return f"{'worse' if compared.worse else 'nothing got worse'}: {', '.join(counts)}"


def _changed(cells: Sequence[CellChange]) -> list[CellChange]:
    """The worst first."""
    changed = [cell for cell in cells if cell.comparison.verdict not in _QUIET]
    return sorted(changed, key=lambda cell: -cell.comparison.verdict.rank)


def _moved_costs(compared: ResultsComparison) -> list[Comparison]:
    return [cost for cost in compared.costs if cost.verdict not in _SILENT]


def _listed(reason: str) -> list[str]:
    """A reason of several lines as a list below another's item."""
    return [f"  - {escaped(line.strip())}" for line in reason.splitlines()]


def _run(facts: RunFacts) -> str:
    commit = f"commit {facts.commit[:10]}" if facts.commit else "no commit"
    changed = " with changes" if facts.changed else ""
    return f"{commit}{changed}, {facts.created:%Y-%m-%d %H:%M}, {' '.join(facts.command)}"


def _one_sided(compared: ResultsComparison) -> Iterator[tuple[str, str]]:
    for subject in compared.only_before:
        yield "only before", subject
    for subject in compared.only_after:
        yield "only after", subject


def _times(compared: ResultsComparison) -> Iterator[tuple[str, str]]:
    for time in compared.times:
        yield time.after.name, f"{time.ratio:.3f}"
