"""What was recorded over time: a table for each family and set of images."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from rich.console import RenderableType
from rich.markup import escape

from pytest_lic.baselines.history import History, Recording, Series
from pytest_lic.errors import Unavailable
from pytest_lic.measuring.measure import rd_curve
from pytest_lic.measuring.metrics import HEADLINES, Metric
from pytest_lic.measuring.metrics.base import NONE
from pytest_lic.measuring.rate_distortion import RDCurve, bd_rate
from pytest_lic.measuring.steps import steps
from pytest_lic.report.terminal.text import grid, terminal_text
from pytest_lic.report.words import percent
from pytest_lic.system.words import plural

_NARROWEST = 100


@dataclass(frozen=True)
class Column:
    """A number of each recording: the mean over its qualities of ``value``, where all have it."""

    name: str
    decimals: int
    value: Callable[[Recording, str], float | None]

    def of(self, recording: Recording) -> float | None:
        """The mean of one recording."""
        values = [self.value(recording, quality) for quality in recording.points]
        known = [value for value in values if value is not None and math.isfinite(value)]
        return math.fsum(known) / len(known) if len(known) == len(values) else None

    def text(self, value: float | None) -> str:
        """A value as tables have it."""
        return NONE if value is None else f"{value:.{self.decimals}f}"


def _metric(metric: Metric) -> Column:
    def value(recording: Recording, quality: str) -> float | None:
        return recording.points[quality].shown(metric.name)

    return Column(metric.heading, metric.decimals, value)


def _operations(side: str) -> Column:
    def value(recording: Recording, quality: str) -> float | None:
        complexity = recording.complexity.get(quality)
        return None if complexity is None else complexity.total(side)

    return Column(f"{side} kMAC/px", 3, value)


_COLUMNS = (*map(_metric, HEADLINES), _operations("encoder"), _operations("decoder"))


def columns(several: Iterable[Series]) -> list[Column]:
    """The means that are shown of each recording besides BD-rate: those that some of them has."""
    recordings = [recording for series in several for recording in series.recordings]
    return [column for column in _COLUMNS if any(column.of(one) is not None for one in recordings)]


@dataclass(frozen=True)
class Row:
    """One recording: BD-rates in percent, what they lack, and whether a new level begins here."""

    recording: Recording
    first: float | Unavailable
    last: float | Unavailable
    means: Mapping[str, float | None]
    step: bool


@dataclass(frozen=True)
class Told:
    """A series with its rows, and the ``remarks`` that its reader needs."""

    series: Series
    rows: tuple[Row, ...]
    remarks: tuple[str, ...]

    @property
    def title(self) -> str:
        """Such as ``msh-gdn on photos, native``."""
        return f"{self.series.family} on {self.images}"

    @property
    def images(self) -> str:
        """Such as ``photos, native``."""
        return f"{self.series.corpus}, {self.series.resolution}"


def told(series: Series) -> Told:
    """The rows of a series."""
    recordings = series.recordings
    curves = [_curve(recording) for recording in recordings]
    first = [bd_rate(curves[0], curve).value for curve in curves]
    last = [bd_rate(curves[-1], curve).value for curve in curves]
    rates = [rate for rate in first if not isinstance(rate, Unavailable)]
    found = steps(rates) if len(rates) == len(first) else Unavailable("steps are of BD-rates")
    begins = () if isinstance(found, Unavailable) else found
    rows = tuple(
        Row(
            recording,
            first[place],
            last[place],
            {column.name: column.of(recording) for column in _COLUMNS},
            place in begins,
        )
        for place, recording in enumerate(recordings)
    )
    lacking = {rate.reason: None for rate in (*first, *last) if isinstance(rate, Unavailable)}
    remarks = [f"no BD-rate: {reason}" for reason in lacking]
    if isinstance(found, Unavailable) and len(rates) == len(first):
        remarks.append(found.reason)
    if any(one.points.keys() != other.points.keys() for one, other in pairwise(recordings)):
        remarks.append("the qualities are not the same throughout, so means are of others too")
    return Told(series, rows, tuple(remarks))


def history_text(found: History, *, width: int = 0, color: bool = False) -> str:
    """Tables for the terminal, and what could not be read.

    Args:
        found: what was recorded.
        width: of the terminal; 0 for one as wide as the subjects of the commits.
        color: whether colours are shown.
    """
    parts = [part for series in found.series for part in _table(told(series))]
    parts += [f"not read: {reason}" for reason in found.unread]
    return terminal_text(parts, max(width, _NARROWEST) if width else 240, color=color)


def history_headline(found: History) -> str:
    """How much there is, in one line."""
    families = len({series.family for series in found.series})
    return f"{plural(len(found.commits), 'commit')} recorded {plural(families, 'codec')}"


def _table(one: Told) -> Iterator[RenderableType]:
    shown = columns([one.series])
    means = (column.name for column in shown)
    headings = ("commit", "date", "BD-rate: first", "last", *means, "", "subject")
    numbers = range(2, 4 + len(shown))
    table = grid(headings, numbers, title=escape(one.title), unwrapped=range(len(headings) - 1))
    for row in one.rows:
        table.add_row(
            row.recording.commit[:10],
            f"{row.recording.when:%Y-%m-%d}",
            rate_text(row.first),
            rate_text(row.last),
            *(column.text(row.means[column.name]) for column in shown),
            "step" if row.step else "",
            escape(row.recording.subject),
        )
    yield table
    yield from (f"  {remark}" for remark in one.remarks)
    yield ""


def rate_text(rate: float | Unavailable) -> str:
    """A BD-rate as tables have it."""
    return percent(None if isinstance(rate, Unavailable) else round(rate, 2) + 0.0)


def _curve(recording: Recording) -> RDCurve | Unavailable:
    """The curve through the points, from the lowest rate on."""
    points = sorted(recording.points.items(), key=lambda item: item[1].mean("bpp") or 0.0)
    try:
        return rd_curve(f"the recording of {recording.commit[:10]}", dict(points))
    except ValueError as error:
        return Unavailable(str(error))
