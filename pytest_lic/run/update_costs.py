"""The recorded costs after a run: which are recorded, which are stale, and pruning those."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pytest_lic.baselines import costs, entries
from pytest_lic.baselines.comparison import Verdict
from pytest_lic.baselines.costs import RecordedComplexity
from pytest_lic.costs.complexity import told
from pytest_lic.project.discovery import Families
from pytest_lic.results.results import ComplexityResult
from pytest_lic.run.stale import Stale, by_family
from pytest_lic.system.groups import grouped


def record(
    recorded: RecordedComplexity,
    results: Iterable[ComplexityResult],
    broken: set[tuple[str, str]],
    *,
    update: bool,
) -> list[str]:
    """Record what a run's tests counted; a line for each quality of a family.

    Args:
        recorded: the folder it goes to.
        results: what the tests found.
        broken: (family, quality) pairs that failed their round trip or determinism: never
            recorded.
        update: record what changed too, and not only what is recorded nowhere.
    """
    wanted = [
        result
        for result in sorted(results, key=lambda result: result.comparison.subject)
        if (result.family, result.quality) not in broken
        and result.measured != result.baseline
        and (update or result.comparison.verdict is Verdict.NEW)
    ]
    lines = []
    for family, changed in grouped((result.family, result) for result in wanted).items():
        known = recorded.own(family)
        for result in changed:
            where = f"{family}, quality {result.quality}, complexity"
            if result.measured is None:
                if result.comparison.verdict is Verdict.REGRESSED:
                    known.pop(result.quality, None)
                    lines.append(f"{where}: no longer recorded")
            else:
                known[result.quality] = result.measured
                verdict = "first recorded" if result.baseline is None else result.comparison.verdict
                lines.append(f"{where}: {verdict}: {told(result.measured)}")
        _save(recorded, family, known)
    return lines


def stale(recorded: RecordedComplexity, families: Families) -> list[Stale[str]]:
    """What the user's folder records of qualities and families that are gone."""
    gone = []
    for family in recorded.families():
        known = families.by_name.get(family)
        for quality in recorded.own(family):
            if known is None or quality not in known.qualities:
                why = "no codec has this name" if known is None else f"quality {quality} is gone"
                gone.append(Stale(family, quality, f"quality {quality}, complexity", why))
    return gone


def prune(recorded: RecordedComplexity, gone: Iterable[Stale[str]]) -> None:
    """Remove what is stale, and the files that it leaves empty."""
    for family, qualities in by_family(gone).items():
        own = recorded.own(family)
        _save(recorded, family, {key: own[key] for key in own if key not in qualities})


def _save(
    recorded: RecordedComplexity, family: str, complexity: dict[str, costs.Complexity]
) -> None:
    kept = replace(costs.load(recorded.folder, family), complexity=complexity)
    entries.save(recorded.folder, family, entries.load(recorded.folder, family), kept=kept)
