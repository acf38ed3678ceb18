"""Saved times drawn: latency over resolution, and for each resolution throughput over batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from pytest_lic.timing.saved_runs import SavedRun, Timing
from pytest_lic.timing.series import View, views

_COLUMNS = 4  # panels side by side
_PANEL = (4.2, 3.4)  # inches
_LINES = {"encode": "-", "decode": "--"}
_MARKERS = "osD^vPX*"  # one a run, again from the first after the last
_COLOURS = 10  # of the cycle "C0", "C1", …; for more codecs, as many of a rainbow
_LOG_FROM = 20  # times the smallest value: on a linear axis the small ones could not be told apart
_LEGEND_COLUMNS, _LEGEND_ROW = 4, 0.22  # inches


def draw(runs: Sequence[SavedRun], path: Path) -> None:
    """Draw some runs into one picture, of the kind that the file's suffix says.

    Args:
        runs: told apart by markers; codecs have colours, and decoders broken lines.
        path: ends in .png or .svg.

    Raises:
        OSError: it can't be written.
    """
    panels = [panel for view in views(runs) for panel in _panels(view)]
    columns = min(_COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    # A figure of its own, not pyplot's: no window, and no state that outlives the call.
    names = [run.name for run in runs]
    lines = sum(len(view.series) for view in views(runs)) * len(runs)
    legend = 0.3 + _LEGEND_ROW * -(-lines // _LEGEND_COLUMNS)
    size = (columns * _PANEL[0], rows * _PANEL[1] + legend)
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False).flatten()
    shown: dict[str, Any] = {}
    for axis, panel in zip(axes, panels, strict=False):
        shown |= _draw_panel(axis, panel, names)
    for axis in axes[len(panels) :]:
        axis.set_visible(False)
    figure.legend(
        shown.values(),
        shown.keys(),
        loc="outside lower center",
        ncols=min(_LEGEND_COLUMNS, len(shown)),
    )
    figure.savefig(path, dpi=120)


@dataclass(frozen=True)
class _Panel:
    """What is drawn on one pair of axes: a value over the numbers that ``places`` stand for.

    A place is a resolution and a batch.
    """

    view: View
    title: str
    xlabel: str
    ylabel: str
    places: Mapping[int, tuple[int, int]]
    value: Callable[[Timing], float]


def _panels(view: View) -> Iterator[_Panel]:
    batch = view.batches[0]
    yield _Panel(
        view,
        f"latency, batch {batch}",
        "resolution in pixels",
        "ms",
        {resolution: (resolution, batch) for resolution in view.resolutions},
        lambda timing: 1000 * timing.median,
    )
    for resolution in view.resolutions:
        yield _Panel(
            view,
            f"throughput, {resolution} px",
            "images in a batch",
            "images per second",
            {batch: (resolution, batch) for batch in view.batches},
            lambda timing: timing.images_per_second,
        )


def _draw_panel(axis: Any, panel: _Panel, names: Sequence[str]) -> dict[str, Any]:
    """A line for each series and run, through the places that it has; by their labels."""
    view = panel.view
    axis.set(title=f"{panel.title}\n{view.title}", xlabel=panel.xlabel, ylabel=panel.ylabel)
    drawn = {}
    colours = _colours(list(dict.fromkeys(codec for codec, _ in view.series)))
    for series in view.series:
        timings = {x: view.find(series, *place) for x, place in panel.places.items()}
        for index, name in enumerate(names):
            points = [
                (x, panel.value(timing))
                for x, of_runs in timings.items()
                if (timing := of_runs[index]) is not None
            ]
            if not points:
                continue
            label = " ".join([*series, *([f"({name})"] if len(names) > 1 else [])])
            (drawn[label],) = axis.plot(
                *zip(*points, strict=True),
                color=colours[series[0]],
                linestyle=_LINES[series[1]],
                marker=_MARKERS[index % len(_MARKERS)],
                markersize=4,
            )
    values = [y for line in drawn.values() for y in line.get_ydata()]
    if values and max(values) > _LOG_FROM * min(values):
        axis.set_yscale("log")
    elif values:
        # From 0, so that what looks twice as high takes twice as long.
        axis.set_ylim(0, 1.08 * max(values))
    axis.grid(alpha=0.3)
    axis.set_xticks(list(panel.places))
    return drawn


def _colours(codecs: Sequence[str]) -> dict[str, Any]:
    if len(codecs) <= _COLOURS:
        return {codec: f"C{index}" for index, codec in enumerate(codecs)}
    rainbow = colormaps["turbo"]
    return {codec: rainbow(index / (len(codecs) - 1)) for index, codec in enumerate(codecs)}
