"""Saved times as tables: latency by resolution, throughput by batch, shares of the stages."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from pytest_lic.errors import Unavailable
from pytest_lic.measuring.metrics.base import NONE
from pytest_lic.measuring.published.timings import PublishedTimings
from pytest_lic.report.terminal.text import grid, terminal_text
from pytest_lic.system.groups import grouped
from pytest_lic.timing.benchmarking import WIDE
from pytest_lic.timing.saved_runs import SavedRun, Timing
from pytest_lic.timing.series import View, views

_HEADING = 14  # characters in a line of a stage's heading
_DOUBTFUL = "~"
_WIDE = 400  # where nobody's terminal sets a width: no number is cut short


def timing_text(runs: Sequence[SavedRun], stages: bool, *, width: int, color: bool) -> str:
    """The tables of some runs, what they were taken on, and how to read them.

    Args:
        runs: side by side in each place of the tables, in this order.
        stages: whether the shares of the stages are shown too.
        width: of the terminal, in characters; 0 where there is none.
        color: whether it shows colours.
    """
    width = max(width, 100) if width else _WIDE
    return terminal_text(_parts(runs, stages), width, color=color)


def _parts(runs: Sequence[SavedRun], stages: bool) -> Iterator[RenderableType]:
    for run in runs:
        yield f"{run.name}: {run.machine}; {run.commit}"
    yield ""
    for view in views(runs):
        batch = view.batches[0]
        yield from _by_place(
            view,
            f"latency in ms by resolution, batch {batch}, {view.title}",
            {f"{resolution} px": (resolution, batch) for resolution in view.resolutions},
            lambda timing: 1000 * timing.median,
        )
        for resolution in view.resolutions:
            yield from _by_place(
                view,
                f"images per second by batch, {resolution} px, {view.title}",
                {f"batch {batch}": (resolution, batch) for batch in view.batches},
                lambda timing: timing.images_per_second,
            )
        if stages:
            yield from _stages(view, [run.name for run in runs])
    yield from _closing(runs)


def reference_text(published: PublishedTimings, runs: Sequence[SavedRun]) -> str:
    """What was published of the codecs in some runs, with its circumstances."""
    families = {timing.family for run in runs for timing in run.timings}
    times = [time for time in published.facts if time.codec in families]
    lines = [
        "",
        f"for reference only: {published.source}",
        f"  {published.gpu}, {published.method}",
    ]
    lines += [f"  {time.codec}: {time.what}: {time.value:g} {time.unit}" for time in times]
    if not times:
        known = ", ".join(sorted({time.codec for time in published.facts}))
        lines.append(f"  of none of the codecs shown; {published.networks}: {known}")
    return "\n".join(lines) + "\n"


def _by_place(
    view: View,
    title: str,
    places: Mapping[str, tuple[int, int]],
    value: Callable[[Timing], float],
) -> Iterator[RenderableType]:
    """A row for each series; ``places`` maps each heading to a resolution and a batch."""
    table = _table(places)
    for series in view.series:
        timings = (view.find(series, *place) for place in places.values())
        table.add_row(*series, *(_side_by_side(of_runs, value) for of_runs in timings))
    return _titled(title, table)


def _stages(view: View, names: Sequence[str]) -> Iterator[RenderableType]:
    batch = view.batches[0]
    rows = [
        (series, resolution, run, timing)
        for series in view.series
        for resolution in view.resolutions
        for run, timing in zip(names, view.find(series, resolution, batch), strict=True)
        if timing is not None
    ]
    stages = _stage_names([timing for *_, timing in rows])
    if stages:
        several = len(names) > 1
        headings = (*(["run"] if several else []), "px", *stages)
        table = _table(textwrap.fill(heading, _HEADING) for heading in headings)
        for series, resolution, run, timing in rows:
            if not isinstance(timing.stages, Unavailable):
                place = (*series, *([run] if several else []), str(resolution))
                table.add_row(*place, *_shares(timing.stages, stages))
        yield from _titled(f"shares of the stages in percent, batch {batch}, {view.title}", table)
    lacking = dict.fromkeys(
        (timing.stages.reason, timing.codec)
        for *_, timing in rows
        if isinstance(timing.stages, Unavailable)
    )
    for reason, codecs in grouped(lacking).items():
        yield f"no stages of {', '.join(codecs)}: {reason}"
    if lacking:
        yield ""


def _stage_names(timings: Sequence[Timing]) -> list[str]:
    """All stages, in the order of coding: the rest, which each has, stands last."""
    names: dict[str, None] = {}
    last: dict[str, None] = {}
    for timing in timings:
        if not isinstance(timing.stages, Unavailable):
            *parts, rest = timing.stages
            names.update(dict.fromkeys(parts))
            last[rest] = None
    return [*(name for name in names if name not in last), *last]


def _shares(stages: Mapping[str, float], names: Sequence[str]) -> Iterator[str]:
    total = sum(stages.values())
    for name in names:
        yield f"{100 * stages[name] / total:.1f}" if name in stages else NONE


def _closing(runs: Sequence[SavedRun]) -> Iterator[str]:
    yield (
        "medians of the rounds; GPUs are waited for; latency is the time of the whole batch, from "
        "images in memory to bitstreams, and back"
    )
    if len(runs) > 1:
        order = " | ".join(run.name for run in runs)
        yield f"side by side: {order}; taken one after the other, so the machine may differ too"
        if len({run.machine for run in runs}) > 1:
            yield "these runs are of different machines: their times say nothing of each other"
    doubtful = sum(timing.doubtful for run in runs for timing in run.timings)
    if doubtful:
        yield (
            f"{_DOUBTFUL} {doubtful} times of little worth: not settled after the warm-up, or half "
            f"of the rounds differ by more than {WIDE:.0%}"
        )
    for run in runs:
        if run.others:
            yield f"{run.name}: {run.others} other benchmarks in this file left alone"


def _titled(title: str, table: Table) -> Iterator[RenderableType]:
    # Not the table's own title, which would be wrapped to the table's width.
    yield from (Text(title, style="bold"), table, "")


def _table(columns: Iterable[str]) -> Table:
    headings = ("codec", "", *columns)
    numbers = range(2, len(headings))
    return grid(headings, numbers, unwrapped=(0, *numbers))


def _side_by_side(timings: Sequence[Timing | None], value: Callable[[Timing], float]) -> str:
    if not any(timings):
        return NONE
    return " | ".join(
        NONE
        if timing is None
        else f"{_DOUBTFUL if timing.doubtful else ''}{_significant(value(timing))}"
        for timing in timings
    )


def _significant(value: float) -> str:
    """Three significant digits, never in powers of ten."""
    return f"{value:.0f}" if value >= 100 else f"{value:#.3g}"
