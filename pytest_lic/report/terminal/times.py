"""The summary's lines on times: how warm-ups went, what was not timed, names without a partner.

pytest-benchmark prints the times themselves, and passes over a benchmark that the compared run
lacks; a comparison of nothing would look like one that found no difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pytest

from pytest_lic.results.records import TimeRecord, UntimedRecord
from pytest_lic.system.groups import grouped
from pytest_lic.system.words import listed, spanned
from pytest_lic.timing.benchmarking import WIDE
from pytest_lic.timing.saved_runs import is_ours

_NAMED = 8


def warm_up_lines(records: Sequence[TimeRecord]) -> Iterator[str]:
    """How many rounds it took until the times had settled, and where they did not."""
    if not records:
        return
    rounds = spanned([record.rounds for record in records])
    yield f"{len(records)} benchmarks, each after {rounds} rounds of warm-up"
    restless = [record.benchmark for record in records if not record.settled]
    uneven = [record.benchmark for record in records if record.spread > WIDE]
    if restless:
        yield f"not settled when patience ran out: {listed(restless, _NAMED)}"
    if uneven:
        yield f"half of the rounds differ by more than {WIDE:.0%}: {listed(uneven, _NAMED)}"
    if restless or uneven:
        yield "such times are worth little; take them again on a machine with nothing else to do"


def untimed_lines(records: Iterable[UntimedRecord]) -> Iterator[str]:
    """Each reason why something was not timed, and the cells that it left out."""
    reasons = grouped((record.comparison.reason, record.cell.id) for record in records)
    for reason, subjects in reasons.items():
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
