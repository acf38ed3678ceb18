"""What became of old bitstreams: a line for each family."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pytest_lic.baselines.comparison import Verdict
from pytest_lic.checks.old_stream import TOLERANCE
from pytest_lic.run.update_streams import examined

_WORDS = {
    Verdict.SAME: "to the bit",
    Verdict.WITHIN: f"within {TOLERANCE} level of 255",
    Verdict.REGRESSED: "broken",
    Verdict.ERROR: "unreadable",
}


def conformance_lines(records: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Such as ``conformance: fp-gdn: 8 old bitstreams: 8 to the bit``."""
    families: dict[str, Counter[Verdict]] = {}
    lacking = 0
    for record in examined(records):
        verdicts = (Verdict(finding["verdict"]) for finding in record["findings"])
        families.setdefault(record["family"], Counter()).update(verdicts)
        lacking += record["comparison"]["verdict"] == Verdict.MISSING.value
    for family, counts in sorted(families.items()):
        told = [
            f"{counts[verdict]} {words}" for verdict, words in _WORDS.items() if counts[verdict]
        ]
        if told:
            yield f"conformance: {family}: {counts.total()} old bitstreams: {', '.join(told)}"
    if lacking:
        yield (
            f"conformance: {lacking} qualities have no bitstream kept; keep one with "
            "--lic-update-missing"
        )
