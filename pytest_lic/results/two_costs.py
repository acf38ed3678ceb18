"""What coding costs in two runs: the qualities of which both know it, compared."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_lic.baselines.comparison import Comparison, Verdict
from pytest_lic.costs.complexity import compared
from pytest_lic.costs.memory import moved
from pytest_lic.results.results import Results

_TOLERANCE = 10.0  # percent of memory; results tell none
_BEFORE = "than before"


def cost_changes(before: Results, after: Results) -> Iterator[Comparison]:
    """A verdict on the complexity, and on the memory, of each quality that both runs looked at."""
    counted = {(one.family, one.quality): one.measured for one in before.complexity}
    for complexity in after.complexity:
        then = counted.get((complexity.family, complexity.quality))
        if then is not None and complexity.measured is not None:
            subject = f"{complexity.family}-q{complexity.quality}, complexity"
            yield compared(subject, complexity.measured, then, than=_BEFORE)
    weighed = {(one.family, one.quality, one.device): one.measured for one in before.memory}
    for memory in after.memory:
        earlier = weighed.get((memory.family, memory.quality, memory.device))
        if earlier is None or memory.measured is None:
            continue
        worse, better = moved(memory.measured, earlier, _TOLERANCE)
        verdict, text = Verdict.WITHIN, ""
        if worse or better:
            verdict = Verdict.REGRESSED if worse else Verdict.IMPROVED
            lines = "".join(f"\n  {number}" for number in worse or better)
            text = f"it takes {'more' if worse else 'less'} {_BEFORE}{lines}"
        elif memory.measured == earlier:
            verdict = Verdict.SAME
        subject = f"{memory.family}-q{memory.quality}, memory on {memory.device}"
        yield Comparison(subject, verdict, text)
