"""Two runs compared, for the terminal, as Markdown, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from pytest_lic.baselines.comparison import Verdict
from pytest_lic.measuring.metrics import HEADLINES
from pytest_lic.report.markdown.page import LIMIT, Page
from pytest_lic.report.markdown.text import escaped, header, row
from pytest_lic.report.words import counted, difference_text, moved, worst
from pytest_lic.results.json_file import comparison_to_json
from pytest_lic.results.results import RunFacts
from pytest_lic.results.two_runs import CellChange, ResultsComparison

FORMAT = 1
_QUIET = (Verdict.SAME, Verdict.WITHIN, Verdict.CHANGED)
_LINES = 8  # of the numbers of one cell
_NOT_GATED = "times of two runs decide nothing; pytest-lic ab takes them side by side"


def compare_text(found: ResultsComparison) -> str:
    """What changed, the worst last, where a terminal shows it."""
    lines = [f"before: {_run(found.before)}", f"after:  {_run(found.after)}", ""]
    lines += [f"{place}: {subject}" for place, subject in _one_sided(found)]
    for change in reversed(_sorted(found.cells)):
        comparison = change.comparison
        if comparison.verdict in _QUIET:
            continue
        means = zip(moved(change.before, change.after), HEADLINES, strict=True)
        numbers = ", ".join(f"{text} {metric.unit}" for text, metric in means)
        lines.append(f"{comparison.verdict}: {comparison.subject}: {numbers}")
        told = [difference_text(each) for each in comparison.differences]
        lines += [f"  {text}" for text in (told or [comparison.reason])[:_LINES]]
        if len(told) > _LINES:
            lines.append(f"  … and {len(told) - _LINES} more")
    told_in_words = (*found.curves, *found.broken)
    lines += [f"{each.verdict}: {each.subject}: {each.reason}" for each in told_in_words]
    lines += [f"time: {name}: {ratio}" for name, ratio in _times(found)]
    if found.times:
        lines.append(f"time: {_NOT_GATED}")
    return "\n".join([*lines, compare_headline(found)]) + "\n"


def compare_markdown(found: ResultsComparison, room: int = LIMIT) -> str:
    """The same for a comment on a pull request, of at most ``room`` bytes."""
    page = Page(room)
    page.add(f"### pytest-lic: {compare_headline(found)}", "")
    page.add(f"before: {escaped(_run(found.before))}  ", f"after: {escaped(_run(found.after))}", "")
    changed = [
        [_row(each)] for each in _sorted(found.cells) if each.comparison.verdict not in _QUIET
    ]
    blank = [""] * len(HEADLINES)
    changed += [
        [row((f"**{each.verdict}**", escaped(each.subject), *blank, escaped(each.reason)))]
        for each in found.broken
    ]
    columns = header(
        ("verdict", "cell", *(metric.heading for metric in HEADLINES), "why"),
        range(2, 2 + len(HEADLINES)),
    )
    page.blocks(changed, "cells", head=columns, most=20_000)
    curves = [
        [row((escaped(each.subject), each.verdict.value, escaped(each.reason)))]
        for each in found.curves
    ]
    page.blocks(curves, "curves", head=header(("curve", "verdict", "BD-rate")), most=12_000)
    sides = [[f"- {place}: {escaped(subject)}"] for place, subject in _one_sided(found)]
    page.blocks(sides, "cells", title=f"{len(sides)} cells of one run alone", most=8_000)
    times = [[row((escaped(name), ratio))] for name, ratio in _times(found)]
    columns = [f"{_NOT_GATED}.", "", *header(("what", "after / before"), (1,))]
    page.blocks(times, "times", head=columns, title="Times", most=8_000)
    return page.text


def compare_json(found: ResultsComparison) -> dict[str, Any]:
    """Every verdict with its numbers; differences as a results file has them."""
    return {
        "format": FORMAT,
        "worse": found.worse,
        "cells": [comparison_to_json(each.comparison) for each in found.cells],
        "curves": [comparison_to_json(each) for each in found.curves],
        "broken": [comparison_to_json(each) for each in found.broken],
        "times": [{**asdict(each), "ratio": each.ratio} for each in found.times],
        "only_before": list(found.only_before),
        "only_after": list(found.only_after),
    }


def compare_headline(found: ResultsComparison) -> str:
    """Whether anything got worse, and how many verdicts of each kind there are, worst first."""
    counts = counted(comparison.verdict for comparison in found.comparisons)
    return f"{'worse' if found.worse else 'nothing got worse'}: {', '.join(counts)}"


def _sorted(cells: Sequence[CellChange]) -> list[CellChange]:
    """The worst first."""
    order = list(Verdict)
    return sorted(cells, key=lambda cell: -order.index(cell.comparison.verdict))


def _run(facts: RunFacts) -> str:
    commit = f"commit {facts.commit[:10]}" if facts.commit else "no commit"
    changed = " with changes" if facts.changed else ""
    return f"{commit}{changed}, {facts.created:%Y-%m-%d %H:%M}, {' '.join(facts.command)}"


def _row(change: CellChange) -> str:
    verdict = change.comparison.verdict
    shown = f"**{verdict}**" if verdict.fails() else verdict.value
    numbers = moved(change.before, change.after)
    subject, why = change.comparison.subject, worst(change.comparison)
    return row((shown, escaped(subject), *numbers, escaped(why)))


def _one_sided(found: ResultsComparison) -> Iterator[tuple[str, str]]:
    for subject in found.only_before:
        yield "only before", subject
    for subject in found.only_after:
        yield "only after", subject


def _times(found: ResultsComparison) -> Iterator[tuple[str, str]]:
    for time in found.times:
        yield time.after.name, f"{time.ratio:.3f}"
