"""How old bitstreams decode, in a line for each family."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from pytest_lic.baselines.comparison import Verdict
from pytest_lic.checks.old_stream import TOLERANCE
from pytest_lic.results.records import ConformanceRecord

_WORDS = {
    Verdict.SAME: "to the bit",
    Verdict.WITHIN: f"within {TOLERANCE} level of 255",
    Verdict.REGRESSED: "broken",
    Verdict.ERROR: "unreadable",
}


def conformance_lines(records: Iterable[ConformanceRecord]) -> Iterator[str]:
    """Such as ``conformance: fp-gdn: 8 old bitstreams: 8 to the bit``."""
    families: dict[str, Counter[Verdict]] = {}
    lacking = 0
    for record in records:
        if record.examined is not None:
            verdicts = (finding.verdict for finding in record.examined.findings)
            families.setdefault(record.cell.family, Counter()).update(verdicts)
            lacking += record.comparison.verdict is Verdict.MISSING
    for family, counts in sorted(families.items()):
        parts = [
            f"{counts[verdict]} {words}" for verdict, words in _WORDS.items() if counts[verdict]
        ]
        if parts:
            yield f"conformance: {family}: {counts.total()} old bitstreams: {', '.join(parts)}"
    if lacking:
        yield (
            f"conformance: {lacking} qualities have no bitstream kept; keep one with "
            "--lic-update-missing"
        )
