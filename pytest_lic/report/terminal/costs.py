"""What coding costs, in a line or two for all codecs of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from pytest_lic.baselines.comparison import Verdict
from pytest_lic.results.results import ComplexityResult, MemoryResult

_WORDS = {
    Verdict.SAME: "as recorded",
    Verdict.WITHIN: "within tolerance",
    Verdict.CHANGED: "with other stages",
    Verdict.IMPROVED: "take less than is recorded, record it with --lic-update",
    Verdict.NEW: "recorded nowhere until now (--lic-update-missing records them)",
    Verdict.UNAVAILABLE: "not applicable",
    Verdict.REGRESSED: "take more than they may",
}


def cost_lines(
    complexity: Iterable[ComplexityResult], memory: Iterable[MemoryResult]
) -> Iterator[str]:
    """Such as ``complexity: 62 qualities: 32 as recorded, 30 not applicable``."""
    yield from _lines("complexity", complexity)
    yield from _lines("memory", memory)


def _lines(what: str, results: Iterable[ComplexityResult | MemoryResult]) -> Iterator[str]:
    counts = Counter(result.comparison.verdict for result in results)
    parts = [f"{counts[verdict]} {words}" for verdict, words in _WORDS.items() if counts[verdict]]
    if parts:
        total = counts.total()
        noun = "quality" if total == 1 else "qualities"
        yield f"{what}: {total} {noun}: {', '.join(parts)}"
