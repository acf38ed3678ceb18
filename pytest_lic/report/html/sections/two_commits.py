"""A comparison of two commits in a report: the ratios of times, drawn with their intervals."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pytest_lic.ab.estimate import Estimate, Interval, Speed
from pytest_lic.ab.result import Compared
from pytest_lic.report.ab import quality_lines, ratio_rows, remark_lines, verdict_lines
from pytest_lic.report.html.content import Content
from pytest_lic.report.html.sections.verdict import SHOWN_FIRST

WIDTH = 320
"""Pixels of the drawing of an interval: what a phone has room for."""

_MARGIN = 16  # pixels on either side, for the numbers at the ends of the axis
_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_TICKS = 5  # at most


def commits_that_fail(content: Content) -> dict[str, Any] | None:
    """A section for each in which something got worse; its first lines stand in the verdict."""
    failing = [_drawn(one, SHOWN_FIRST) for one in content.compared if one.fails]
    return {"commits": failing} if failing else None


def commits_that_pass(content: Content) -> dict[str, Any] | None:
    """A section for each of the others."""
    passing = [_drawn(one, 0) for one in content.compared if not one.fails]
    return {"commits": passing} if passing else None


def _drawn(compared: Compared, shown_above: int) -> dict[str, Any]:
    """What a section shows: for each setting its rows, places in pixels from the left."""
    limit = 1 + compared.demand.fail_slower
    place = _Axis([1.0, limit, *_ends(compared)])
    settings: dict[str, list[dict[str, Any]]] = {}
    for result, times in compared.timed:
        rows = settings.setdefault(result.cell.setting.id, [])
        failing = result.slower(compared.demand.fail_slower)
        for estimate, cells in ratio_rows(result, times):
            look = "regressed" if cells[1] in failing else _LOOKS[estimate.verdict]
            rows.append(_row(cells, look, estimate, place))
    return {
        "compared": compared,
        "verdicts": verdict_lines(compared)[shown_above:],
        "remarks": [*quality_lines(compared), *remark_lines(compared)],
        "settings": settings,
        "ticks": list(place.ticks()),
        "even": place(1.0),
        "limit": place(limit),
    }


def _row(cells: Sequence[str], look: str, estimate: Estimate, place: _Axis) -> dict[str, Any]:
    """One direction of one cell; an interval is None where too few starts were made to say."""
    codec, direction, base, ratio, _, together, verdict = cells
    return {
        "codec": codec,
        "direction": direction,
        "base": base,
        "ratio": ratio,
        "range": together,
        "verdict": verdict,
        "look": look,
        "centre": place(estimate.ratio),
        "alone": place.of(estimate.interval),
        "together": place.of(estimate.corrected),
    }


_LOOKS = {
    Speed.SLOWER: "changed",
    Speed.FASTER: "improved",
    Speed.NO_DIFFERENCE: "same",
    Speed.UNDECIDED: "unavailable",
}


def _ends(compared: Compared) -> Iterator[float]:
    for _, times in compared.timed:
        for estimate in times.estimates.values():
            wide = estimate.corrected or estimate.interval
            yield from (estimate.ratio,) if wide is None else (wide.low, wide.high)


class _Axis:
    """Of ratios, which all rows of a section share; called with a ratio, it gives its place.

    Args:
        ratios: all of these are to have a place.
    """

    def __init__(self, ratios: Iterable[float]) -> None:
        places = list(ratios)
        room = 0.05 * (max(places) - min(places))
        self._low, self._high = min(places) - room, max(places) + room

    def __call__(self, ratio: float) -> float:
        share = (ratio - self._low) / (self._high - self._low)
        return round(_MARGIN + share * (WIDTH - 2 * _MARGIN), 1)

    def of(self, interval: Interval | None) -> tuple[float, float] | None:
        return None if interval is None else (self(interval.low), self(interval.high))

    def ticks(self) -> Iterator[tuple[float, str]]:
        """Round numbers, 1 among them."""
        span = self._high - self._low
        step = next((step for step in _STEPS if span / step <= _TICKS), span / _TICKS)
        first = -int((1 - self._low) // step)
        last = int((self._high - 1) // step)
        for count in range(first, last + 1):
            yield self(1 + count * step), f"{1 + count * step:.4g}"
