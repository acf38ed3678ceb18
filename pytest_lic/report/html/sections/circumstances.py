"""Commit, command, environments, tolerances and remarks of each run."""

from __future__ import annotations

from collections import Counter
from typing import Any

from pytest_lic.report.html.content import Content
from pytest_lic.report.words import label, tolerance_unit
from pytest_lic.results.results import Results, TimeResult
from pytest_lic.system.environment import Environment, differences
from pytest_lic.system.typed_json import structured


def circumstances(content: Content) -> dict[str, Any]:
    """The section."""
    return {
        "circumstances": [_facts(run, results) for run, results in content.runs.items()],
        "label": label,
        "tolerance_unit": tolerance_unit,
    }


def _environment(time: TimeResult) -> Environment | None:
    """Where a time was taken, if it says so as we write it: a file may hold anything there."""
    try:
        return structured(time.facts.get("environment"), Environment)
    except ValueError:
        return None


def _facts(run: str, results: Results) -> dict[str, Any]:
    facts = results.run
    commit = facts.commit or "not in a git repository"
    outcomes = Counter(test.outcome for test in results.tests)
    environments: dict[str, Environment] = {}
    moved: dict[str, None] = {}
    for point in results.points:
        if point.measured is not None:
            environments[point.measured.environment.digest] = point.measured.environment
            if point.baseline is not None:
                then, now = point.baseline.environment, point.measured.environment
                moved.update(dict.fromkeys(differences(then, now)))
    for time in results.times:
        environment = _environment(time)
        if environment is not None:
            environments[environment.digest] = environment
    return {
        "run": run,
        "commit": commit + (", with changes that are not committed" if facts.changed else ""),
        "command": " ".join(facts.command),
        "version": facts.pytest_lic,
        "status": facts.exit_status,
        "strict": facts.strict,
        "tolerances": facts.tolerances,
        "tests": {outcome: outcomes[outcome] for outcome in ("passed", "failed", "skipped")},
        "environments": list(environments.values()),
        "moved": list(moved),
        "remarks": results.remarks,
    }
