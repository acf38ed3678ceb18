"""What decoders did with damaged bitstreams that they may not: in words, with the bitstreams."""

from __future__ import annotations

from pytest_lic.checks.hostile.outcome import Failure, Outcome, Tally, keep

_SHOWN = 3
_ADVICE = {
    Outcome.UNTYPED_ERROR: "raise an error of pytest_lic.errors, such as CorruptBitstreamError",
    Outcome.OVER_ALLOCATED: "compare sizes with the bytes at hand before allocating on their word",
}


def hostile_text(family: str, quality: str, tally: Tally) -> str:
    """How many damaged bitstreams did what, the first of them, and where those are kept."""
    failed = {outcome: count for outcome, count in tally.counts.items() if outcome.fails}
    counted = ", ".join(f"{count}: {outcome.value}" for outcome, count in failed.items())
    lines = [f"of {sum(tally.counts.values())} damaged bitstreams {counted}"]
    for failure in tally.failures[:_SHOWN]:
        lines.append(f"  number {failure.number} ({failure.ways}): {_what(failure)}")
        lines.append(f"    kept as {keep(family, quality, failure)}")
    if len(tally.failures) > _SHOWN:
        lines.append(f"  … and {len(tally.failures) - _SHOWN} more")
    lines += [f"  {_ADVICE[outcome]}" for outcome in failed if outcome in _ADVICE]
    return "\n".join(lines)


def _what(failure: Failure) -> str:
    words = " ".join(failure.words.split())
    return f"{failure.outcome.value}: {words[:300]}" if words else failure.outcome.value
