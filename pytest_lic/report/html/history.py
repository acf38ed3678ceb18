"""The page of what was recorded over time: curves over the commits, and a table for each series."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pytest_lic.baselines.history import History
from pytest_lic.errors import Unavailable
from pytest_lic.report.history import Told, columns, history_headline, rate_text, told
from pytest_lic.report.html.framed import environment, framed
from pytest_lic.system.groups import grouped

_RATE = "BD-rate %"
_SHOWN = 8  # families that are drawn at first, those that moved most


def history_page(found: History) -> str:
    """The page."""
    series = [told(one) for one in found.series]
    plots = grouped((one.images, one) for one in series)
    axes = [{"name": _RATE, "decimals": 2}]
    shown = columns(found.series)
    axes += [{"name": column.name, "decimals": column.decimals} for column in shown]
    return framed(
        environment(),
        "history.jinja",
        ["history.js"],
        title=f"History: {history_headline(found)}",
        axes=axes,
        plots=[_plot(images, several, found.commits) for images, several in plots.items()],
        series=series,
        columns=shown,
        rate_text=rate_text,
        unread=found.unread,
    )


def _plot(images: str, several: Sequence[Told], commits: Sequence[str]) -> dict[str, Any]:
    """What is drawn of one set of images; its commits are numbered from 1, the oldest."""
    here = {row.recording.commit for one in several for row in one.rows}
    numbers = {
        commit: number
        for number, commit in enumerate((each for each in commits if each in here), start=1)
    }
    most_moved = sorted(several, key=_moved, reverse=True)[:_SHOWN]
    return {
        "title": images,
        "commits": len(numbers),
        "series": [
            {
                "name": one.series.family,
                "kind": "measured",
                "colour": place,
                "shown": one in most_moved,
                "points": [
                    {
                        "x": numbers[row.recording.commit],
                        "commit": row.recording.commit[:10],
                        "date": f"{row.recording.when:%Y-%m-%d}",
                        "subject": row.recording.subject,
                        "step": row.step,
                        "values": {
                            _RATE: None if isinstance(row.first, Unavailable) else row.first,
                            **row.means,
                        },
                    }
                    for row in one.rows
                ],
            }
            for place, one in enumerate(several)
        ],
    }


def _moved(one: Told) -> float:
    rates = (row.first for row in one.rows)
    return max((abs(rate) for rate in rates if not isinstance(rate, Unavailable)), default=0.0)
