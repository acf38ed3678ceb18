"""What coding costs, in a line for all codecs of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from pytest_lic.baselines.comparison import Verdict
from pytest_lic.results.results import ComplexityResult

_WORDS = {
    Verdict.SAME: "as recorded",
    Verdict.CHANGED: "with other stages",
    Verdict.IMPROVED: "take less than is recorded, record it with --lic-update",
    Verdict.NEW: "recorded nowhere until now (--lic-update-missing records them)",
    Verdict.UNAVAILABLE: "not applicable",
    Verdict.REGRESSED: "take more than is recorded",
}


def complexity_lines(results: Iterable[ComplexityResult]) -> Iterator[str]:
    """Such as ``complexity: 62 qualities: 32 as recorded, 30 not applicable``."""
    counts = Counter(result.comparison.verdict for result in results)
    parts = [f"{counts[verdict]} {words}" for verdict, words in _WORDS.items() if counts[verdict]]
    if parts:
        total = counts.total()
        noun = "quality" if total == 1 else "qualities"
        yield f"complexity: {total} {noun}: {', '.join(parts)}"
