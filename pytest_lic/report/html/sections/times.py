"""Times: by device and images for the charts, and all of them as rows of a table."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from pytest_lic.report.html.content import Content
from pytest_lic.results.results import Results, TimeResult
from pytest_lic.timing.benchmarking import WIDE

_SHOWN = 8  # codecs that are drawn at first


def times(content: Content) -> dict[str, Any] | None:
    """The section."""
    rows = list(_rows(content.runs))
    return {"times": rows, "time_groups": _groups(content.runs)} if rows else None


def _groups(runs: Mapping[str, Results]) -> list[dict[str, Any]]:
    """What the script draws: of each device and image set the codecs, and their times.

    A time without all its circumstances stands in the table alone.
    """
    groups: dict[str, list[dict[str, Any]]] = {}
    for run, results in runs.items():
        for time in results.times:
            if _is_placed(time):
                codec = f"{time.facts['family']} q{time.facts['quality']}"
                name = f"{codec} · {run}" if len(runs) > 1 else codec
                groups.setdefault(_title(time.facts), []).append(_placed(time, name))
    return [
        {
            "title": title,
            "times": times,
            "series": [
                {"name": name, "kind": "measured", "colour": place, "shown": place < _SHOWN}
                for place, name in enumerate(dict.fromkeys(time["codec"] for time in times))
            ],
        }
        for title, times in groups.items()
    ]


def _rows(runs: Mapping[str, Results]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Run, and its times in words: milliseconds, speed, and each stage's share in percent."""
    for run, results in runs.items():
        for time in results.times:
            stages, _ = _stages(time.facts)
            whole = sum(stages.values())
            speed = time.facts.get("megapixels_per_second")
            yield (
                run,
                {
                    "name": time.name,
                    "median": f"{1000 * time.median:.2f}",
                    "iqr": f"{1000 * time.iqr:.2f}",
                    "rounds": time.rounds,
                    "speed": f"{speed:.2f}" if isinstance(speed, int | float) else "–",
                    "shares": [
                        (name, 100 * seconds / whole) for name, seconds in stages.items() if whole
                    ],
                },
            )


def _is_placed(time: TimeResult) -> bool:
    """Whether it is known of which cell and direction the time is."""
    facts = time.facts
    texts, counts = ("family", "quality", "direction", "corpus", "device"), ("resolution", "batch")
    return (
        all(isinstance(facts.get(name), str) for name in texts)
        and all(isinstance(facts.get(name), int) and facts[name] > 0 for name in counts)
        and 0 < time.median < math.inf
        and math.isfinite(time.iqr)
    )


def _title(facts: Mapping[str, Any]) -> str:
    """The device in full, with what else its times hang on: what differs in it stands apart."""
    environment = facts.get("environment")
    processor = environment.get("processor") if isinstance(environment, Mapping) else None
    named = dict.fromkeys(
        str(name) for name in (facts.get("device_name"), processor) if name is not None
    )
    threads = facts.get("threads")
    parts = [f"{facts['device']}: {' with '.join(named)}" if named else str(facts["device"])]
    if threads is not None:
        parts.append(f"{threads} CPU thread{'' if threads == 1 else 's'}")
    return ", ".join([*parts, f"{facts['corpus']} images"])


def _placed(time: TimeResult, codec: str) -> dict[str, Any]:
    facts = time.facts
    stages, reason = _stages(facts)
    return {
        "codec": codec,
        "direction": facts["direction"],
        "resolution": facts["resolution"],
        "batch": facts["batch"],
        "ms": 1000 * time.median,
        "iqr": 1000 * time.iqr,
        "stages": {name: 1000 * seconds for name, seconds in stages.items()},
        "reason": reason,
        "doubtful": _doubt(time),
    }


def _stages(facts: Mapping[str, Any]) -> tuple[dict[str, float], str]:
    """Seconds of each stage, or why they are not known."""
    stages = facts.get("stages")
    if not isinstance(stages, Mapping):
        return {}, "its stages were not timed"
    seconds = stages.get("seconds")
    if not isinstance(seconds, Mapping):
        return {}, str(stages.get("reason", "its stages were not timed"))
    finite = {
        str(name): float(value)
        for name, value in seconds.items()
        if isinstance(value, int | float) and 0 <= value < math.inf
    }
    return finite, ""


def _doubt(time: TimeResult) -> str:
    warm_up = time.facts.get("warm_up")
    if isinstance(warm_up, Mapping) and not warm_up.get("settled", True):
        return "not settled when it was timed"
    if time.iqr > WIDE * time.median:
        return f"uneven: half of the rounds differ by more than {WIDE:.0%}"
    return ""
