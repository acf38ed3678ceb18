"""A comparison of two commits in a report: the ratios of times, drawn with their intervals."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pytest_lic.ab.estimate import Estimate, Interval, Speed
from pytest_lic.ab.result import Compared, Timed
from pytest_lic.report.ab import quality_lines, ratio_rows, remark_lines, verdict_lines
from pytest_lic.report.html.content import Content
from pytest_lic.report.html.sections.verdict import SHOWN_FIRST
from pytest_lic.system.environment import Environment

WIDTH = 320
"""Pixels of the drawing of an interval: what a phone has room for."""

_MARGIN = 16  # pixels on either side, for the numbers at the ends of the axis
_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_TICKS = 5  # at most


@dataclass(frozen=True)
class RatioRow:
    """One direction of one cell; places are in pixels from the left of the drawing.

    ``alone`` and ``together`` are the ends of the two intervals, None where there were too few
    starts to say.
    """

    codec: str
    direction: str
    base: str
    ratio: str
    range: str
    verdict: str
    look: str
    centre: float
    alone: tuple[float, float] | None
    together: tuple[float, float] | None


@dataclass(frozen=True)
class TwoCommits:
    """What a section shows; ``settings`` maps each setting to its rows."""

    base: str
    head: str
    environment: Environment
    fails: bool
    verdicts: tuple[str, ...]
    remarks: tuple[str, ...]
    settings: dict[str, list[RatioRow]]
    ticks: tuple[tuple[float, str], ...]
    even: float
    limit: float
    limit_percent: str


def commits_that_fail(content: Content) -> dict[str, Any] | None:
    """A section for each in which something got worse; its first lines stand in the verdict."""
    failing = [each for each in content.compared if each.fails]
    return {"commits": [_drawn(each, SHOWN_FIRST) for each in failing]} if failing else None


def commits_that_pass(content: Content) -> dict[str, Any] | None:
    """A section for each of the others."""
    passing = [each for each in content.compared if not each.fails]
    return {"commits": [_drawn(each, 0) for each in passing]} if passing else None


def _drawn(compared: Compared, shown_above: int) -> TwoCommits:
    limit = 1 + compared.demand.fail_slower
    place = _Axis([1.0, limit, *_ends(compared)])
    settings: dict[str, list[RatioRow]] = {}
    for result in compared.cells:
        if not isinstance(result.times, Timed):
            continue
        failing = result.slower(compared.demand.fail_slower)
        for direction, cells in ratio_rows(result, result.times):
            codec, _, base, ratio, _, together, verdict = cells
            estimate = result.times.estimates[direction]
            settings.setdefault(result.cell.setting.id, []).append(
                RatioRow(
                    codec,
                    direction,
                    base,
                    ratio,
                    together,
                    verdict,
                    "regressed" if direction in failing else _LOOKS[estimate.verdict],
                    place(estimate.ratio),
                    place.of(estimate.interval),
                    place.of(estimate.corrected),
                )
            )
    return TwoCommits(
        compared.base.title,
        compared.head.title,
        compared.environment,
        compared.fails,
        tuple(verdict_lines(compared)[shown_above:]),
        (*quality_lines(compared), *remark_lines(compared)),
        settings,
        tuple(place.ticks()),
        place(1.0),
        place(limit),
        f"{100 * compared.demand.fail_slower:g}",
    )


_LOOKS = {
    Speed.SLOWER: "changed",
    Speed.FASTER: "improved",
    Speed.NO_DIFFERENCE: "same",
    Speed.UNDECIDED: "unavailable",
}


def _ends(compared: Compared) -> Iterator[float]:
    for result in compared.cells:
        if isinstance(result.times, Timed):
            for estimate in result.times.estimates.values():
                yield from _reach(estimate)


def _reach(estimate: Estimate) -> Iterable[float]:
    wide = estimate.corrected or estimate.interval
    return (estimate.ratio,) if wide is None else (wide.low, wide.high)


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
        step = next((each for each in _STEPS if span / each <= _TICKS), span / _TICKS)
        first = -int((1 - self._low) // step)
        last = int((self._high - 1) // step)
        for count in range(first, last + 1):
            yield self(1 + count * step), f"{1 + count * step:.4g}"
