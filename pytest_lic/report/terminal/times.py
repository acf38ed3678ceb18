"""What the summary says of the times taken: how warm-ups went, and names without a partner.

pytest-benchmark prints the times themselves, and passes over a benchmark that the compared run
lacks; a comparison of nothing would look like one that found no difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from pytest_lic.baselines.comparison import Verdict
from pytest_lic.system.words import listed
from pytest_lic.timing.benchmarking import WIDE
from pytest_lic.timing.saved_runs import is_ours

_NAMED = 8


def warm_up_lines(records: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """How many rounds it took until the times had settled, and where they did not."""
    taken = [record for record in records if record["kind"] == "time" and "warm_up" in record]
    if not taken:
        return
    rounds = sorted(record["warm_up"] for record in taken)
    span = f"{rounds[0]}" if rounds[0] == rounds[-1] else f"{rounds[0]} to {rounds[-1]}"
    yield f"{len(taken)} benchmarks, each after {span} rounds of warm-up"
    restless = [record["subject"] for record in taken if not record["settled"]]
    uneven = [record["subject"] for record in taken if record["spread"] > WIDE]
    if restless:
        yield f"not settled when patience ran out: {listed(restless, _NAMED)}"
    if uneven:
        yield f"half of the rounds differ by more than {WIDE:.0%}: {listed(uneven, _NAMED)}"
    if restless or uneven:
        yield "such times are worth little; take them again on a machine with nothing else to do"


def unavailable_lines(records: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Each reason why something was not timed, and how much it left out."""
    left_out: dict[str, list[str]] = {}
    for record in records:
        comparison = record.get("comparison", {})
        if record["kind"] == "time" and comparison.get("verdict") == Verdict.UNAVAILABLE.value:
            left_out.setdefault(comparison["reason"], []).append(comparison["subject"])
    for reason, subjects in left_out.items():
        yield f"not timed: {listed(list(dict.fromkeys(subjects)), _NAMED)}: {reason}"


def partner_lines(config: pytest.Config) -> Iterator[str]:
    """The names that ``--benchmark-compare`` found on one side alone."""
    session: Any = config.pluginmanager.get_plugin("pytest-benchmark")
    compared = getattr(session, "compared_mapping", None)
    if not compared:
        return
    now = [bench.fullname for bench in session.benchmarks if bench and is_ours(bench.extra_info)]
    for path, saved in compared.items():
        theirs = [name for name, bench in saved.items() if is_ours(bench.get("extra_info"))]
        new = [name for name in now if name not in saved]
        gone = [name for name in theirs if name not in now]
        if new:
            yield f"not in {path}, so compared with nothing: {listed(new, _NAMED)}"
        if gone:
            yield f"in {path}, but not timed now: {listed(gone, _NAMED)}"
