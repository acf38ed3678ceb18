"""The verdict on one or several runs in one sentence, the first thing that any report says."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_lic.baselines.comparison import Comparison, Verdict
from pytest_lic.results.results import Results, TestResult
from pytest_lic.system.words import plural


def headline(runs: Iterable[Results]) -> str:
    """Whether they passed, what got worse, and what else failed.

    Such as ``failed: 2 of 16 points and 1 of 4 curves regressed, 1 other test failed`` or
    ``passed: none of 16 points and 4 curves got worse``.
    """
    runs = list(runs)
    points = [point.comparison for results in runs for point in results.points]
    curves = [curve.comparison for results in runs for curve in results.curves]
    strict = {
        id(comparison)
        for results in runs
        if results.run.strict
        for comparison in results.comparisons
    }

    def fails(comparison: Comparison) -> bool:
        return comparison.verdict.fails(strict=id(comparison) in strict)

    failing = []
    for verdict in reversed(Verdict):
        counts = [
            f"{count} of {plural(len(comparisons), noun)}"
            for noun, comparisons in (("point", points), ("curve", curves))
            if (count := sum(one.verdict is verdict and fails(one) for one in comparisons))
        ]
        if counts:
            failing.append(f"{' and '.join(counts)} {_WORDS[verdict]}")
    others = sum(len(broken(results)) for results in runs)
    if others:
        failing.append(f"{plural(others, 'other test' if failing else 'test')} failed")
    late = dict.fromkeys(results.run.failure for results in runs if results.run.failure)
    failing += late
    explained = {0, 1} if failing else {0}  # exit statuses that say no more than what failed
    if not failing:
        costs = [one.comparison for results in runs for one in results.complexity]
        costs += (weighed.comparison for results in runs for weighed in results.memory)
        compared = " and ".join(
            plural(count, noun)
            for noun, comparisons in (("point", points), ("curve", curves), ("cost", costs))
            if (count := sum(one.verdict not in _NOT_COMPARED for one in comparisons))
        )
        failing.append(f"none of {compared} got worse" if compared else "nothing was compared")
    what = ", ".join(failing)
    if not any(results.failed for results in runs):
        return f"passed: {what}"
    ended = sorted({results.run.exit_status for results in runs} - explained)
    if ended:
        return f"failed: pytest ended with exit status {', '.join(map(str, ended))}; {what}"
    return f"failed: {what}"


_NOT_COMPARED = (Verdict.NEW, Verdict.UNAVAILABLE)
_WORDS = {verdict: verdict.value for verdict in Verdict} | {
    Verdict.ERROR: "in error",
    Verdict.CHANGED: "changed, which --lic-strict forbids",
}


def broken(results: Results) -> list[TestResult]:
    """The tests that failed over something else than a point's or a curve's verdict."""
    strict = results.run.strict
    judged = {
        comparison.subject
        for comparison in results.comparisons
        if comparison.verdict.fails(strict=strict)
    }
    return [
        test
        for test in results.tests
        if test.outcome == "failed" and not ("rd" in test.checks and test.subject in judged)
    ]
