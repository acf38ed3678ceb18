"""The recorded costs after a run: which are recorded, which are stale, and pruning those."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from pytest_lic.baselines import costs, entries
from pytest_lic.baselines.comparison import Verdict
from pytest_lic.baselines.costs import Costs, MemoryBaseline, MemoryKey
from pytest_lic.baselines.layered import families_in
from pytest_lic.costs.complexity import told
from pytest_lic.costs.memory import memory_text
from pytest_lic.project.discovery import Families
from pytest_lic.results.results import ComplexityResult, MemoryResult
from pytest_lic.run.stale import Stale, by_family
from pytest_lic.system.groups import grouped

_QUIET = (Verdict.SAME, Verdict.WITHIN)


def record(
    folder: Path,
    results: Iterable[ComplexityResult | MemoryResult],
    broken: set[tuple[str, str]],
    *,
    update: bool,
) -> list[str]:
    """Record what a run's tests found; a line for each thing that is recorded.

    Args:
        folder: of the baselines, where it goes to.
        results: what the tests found.
        broken: (family, quality) pairs that failed their round trip or determinism: never
            recorded.
        update: record what changed too, and not only what is recorded nowhere.
    """
    wanted = [
        result
        for result in sorted(results, key=lambda result: result.comparison.subject)
        if (result.family, result.quality) not in broken and _worth_recording(result, update=update)
    ]
    lines = []
    for family, changed in grouped((result.family, result) for result in wanted).items():
        known = costs.load(folder, family)
        for result in changed:
            if isinstance(result, MemoryResult) and result.environment is None:
                lines.append(
                    f"{_name(result)}: not recorded, since where it was taken is not known"
                )
                continue
            new = _with(known, result)
            if new != known:
                lines.append(_line(result))
                known = new
        _save(folder, family, known)
    return lines


def stale(folder: Path, families: Families) -> list[Stale[str]]:
    """Qualities and families that are gone, and of which the user's folder records costs."""
    gone = []
    for family in sorted({*families_in(folder, "complexity"), *families_in(folder, "memory")}):
        known = families.by_name.get(family)
        for quality in _qualities(costs.load(folder, family)):
            if known is None or quality not in known.qualities:
                why = "no codec has this name" if known is None else f"quality {quality} is gone"
                gone.append(Stale(family, quality, f"quality {quality}, costs", why))
    return gone


def prune(folder: Path, gone: Iterable[Stale[str]]) -> None:
    """Remove what is stale, and the files that it leaves empty."""
    for family, qualities in by_family(gone).items():
        known = costs.load(folder, family)
        complexity = {key: one for key, one in known.complexity.items() if key not in qualities}
        memory = {key: one for key, one in known.memory.items() if key.quality not in qualities}
        _save(folder, family, Costs(complexity, memory))


def _worth_recording(result: ComplexityResult | MemoryResult, *, update: bool) -> bool:
    verdict = result.comparison.verdict
    if verdict is Verdict.NEW:
        return True
    return update and verdict not in (*_QUIET, Verdict.UNAVAILABLE, Verdict.ERROR)


def _line(result: ComplexityResult | MemoryResult) -> str:
    if isinstance(result, ComplexityResult):
        text = "" if result.measured is None else told(result.measured)
    else:
        text = "" if result.measured is None else memory_text(result.measured)
    verdict = "first recorded" if result.baseline is None else result.comparison.verdict
    return f"{_name(result)}: {verdict}: {text or 'none'}"


def _name(result: ComplexityResult | MemoryResult) -> str:
    what = "complexity" if isinstance(result, ComplexityResult) else "memory"
    return f"{result.family}, quality {result.quality}, {what}"


def _with(known: Costs, result: ComplexityResult | MemoryResult) -> Costs:
    """What is to be recorded; complexity that was lost is recorded no longer."""
    if isinstance(result, ComplexityResult):
        others = {key: one for key, one in known.complexity.items() if key != result.quality}
        own = {} if result.measured is None else {result.quality: result.measured}
        return replace(known, complexity=others | own)
    if result.measured is None or result.environment is None:
        return known
    key = MemoryKey(result.quality, result.device.split(":")[0])
    baseline = MemoryBaseline(result.measured, result.environment)
    return replace(known, memory={**known.memory, key: baseline})


def _qualities(known: Costs) -> Iterator[str]:
    yield from dict.fromkeys((*known.complexity, *(key.quality for key in known.memory)))


def _save(folder: Path, family: str, known: Costs) -> None:
    entries.save(folder, family, entries.load(folder, family), kept=known)
