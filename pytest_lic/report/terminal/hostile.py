"""Why a codec fails over damaged bitstreams, in words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pytest_lic.checks.hostile.outcome import Failure, Outcome, Tally

SHOWN = 3
"""Bitstreams that are told one by one."""

_ADVICE = {
    Outcome.UNTYPED_ERROR: "raise an error of pytest_lic.errors, such as CorruptBitstreamError",
    Outcome.OVER_ALLOCATED: "compare sizes with the bytes at hand before allocating on their word",
    Outcome.LEAKED: "let go of what a bitstream was decoded with, also where decoding fails",
}


def hostile_text(tally: Tally, kept: Sequence[Path]) -> str:
    """How many damaged bitstreams did what, and the first of them.

    Args:
        tally: of one codec.
        kept: where the first `SHOWN` of its failures lie, in their order.
    """
    failed = {outcome: count for outcome, count in tally.counts.items() if outcome.fails}
    counted = ", ".join(f"{count}: {outcome.value}" for outcome, count in failed.items())
    lines = [f"of {sum(tally.counts.values())} damaged bitstreams {counted}"]
    if tally.untried:
        lines[0] += f"; {tally.untried} more were not tried, since these hung"
    for failure, path in zip(tally.failures, kept, strict=False):
        lines.append(f"  number {failure.number} ({failure.ways}): {_outcome_text(failure)}")
        lines.append(f"    kept as {path}")
    if len(tally.failures) > SHOWN:
        lines.append(f"  … and {len(tally.failures) - SHOWN} more")
    lines += [f"  {_ADVICE[outcome]}" for outcome in failed if outcome in _ADVICE]
    return "\n".join(lines)


def _outcome_text(failure: Failure) -> str:
    words = " ".join(failure.words.split())
    return f"{failure.outcome.value}: {words[:300]}" if words else failure.outcome.value
