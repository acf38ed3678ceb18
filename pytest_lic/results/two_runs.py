"""Compares two runs, cell by cell and as BD-rate.

Device and batch are circumstances, as for a baseline: a cell of one run is looked up in the other
by its id, or else by family, quality, images and resolution, if that fits one cell on either side.

The gate's own comparison decides, with the tolerances of the later run. Times of two runs are set
beside each other and decide nothing, since what else the machine did is not known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pytest_lic.baselines.comparison import Comparison, Verdict, compare, compare_curves
from pytest_lic.baselines.entries import BaselineKey
from pytest_lic.errors import ResultsError
from pytest_lic.measuring.grid import Curve
from pytest_lic.measuring.intervals import bd_rate_over_images
from pytest_lic.measuring.measure import Measurement, rd_curve
from pytest_lic.measuring.rate_distortion import MIN_POINTS, bd_quality
from pytest_lic.results.recorded_run import RECORDED
from pytest_lic.results.results import Results, RunFacts, TimeResult
from pytest_lic.results.two_costs import cost_changes
from pytest_lic.system.groups import grouped
from pytest_lic.system.words import plural


@dataclass(frozen=True)
class CellChange:
    """One cell in both runs; ``after`` is None where it broke in the later one."""

    comparison: Comparison
    before: Measurement
    after: Measurement | None


@dataclass(frozen=True)
class TimeChange:
    """One benchmark that both runs have."""

    before: TimeResult
    after: TimeResult

    @property
    def ratio(self) -> float:
        """The later median over the earlier one."""
        return self.after.median / self.before.median


@dataclass(frozen=True)
class ResultsComparison:
    """Two runs side by side; ``before`` and ``after`` are their facts.

    ``broken`` is what else broke in the later run, and had not in the earlier one: a round trip of
    edge images, a kept bitstream, a test of no cell. ``only_before`` and ``only_after`` name cells
    that one run alone measured; ``costs`` are of complexity and memory.
    """

    before: RunFacts
    after: RunFacts
    cells: tuple[CellChange, ...]
    curves: tuple[Comparison, ...]
    broken: tuple[Comparison, ...]
    times: tuple[TimeChange, ...]
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]
    costs: tuple[Comparison, ...] = ()

    @property
    def comparisons(self) -> list[Comparison]:
        """The verdicts on cells, curves and costs, and on what else broke."""
        cells = [cell.comparison for cell in self.cells]
        return [*cells, *self.curves, *self.costs, *self.broken]

    @property
    def misordered(self) -> bool:
        """Whether the earlier run was made after the later one.

        Of a folder of baselines that is not known: git writes its files when it checks them out.
        """
        folders = any(run.command[:4] == RECORDED for run in (self.before, self.after))
        return not folders and self.before.created > self.after.created

    @property
    def worse(self) -> bool:
        """Whether any verdict fails; ``changed`` does if the later run was strict."""
        strict = self.after.strict
        return any(comparison.verdict.fails(strict=strict) for comparison in self.comparisons)

    @property
    def compared(self) -> bool:
        """Whether any cell, or any cost, could be compared at all."""
        return bool(self.costs) or any(
            cell.comparison.verdict is not Verdict.UNAVAILABLE for cell in self.cells
        )


def compare_results(before: Results, after: Results) -> ResultsComparison:
    """Compare the cells, and the costs of qualities, that both runs have.

    Raises:
        ResultsError: there is no such cell.
    """
    old, new = _measured(before), _measured(after)
    broken, broken_before = _broken(after), _broken(before)
    partners = _partners(old, new)
    changes = []
    for subject, earlier in old.items():
        partner = partners.get(subject, subject)
        later = new.get(partner)
        if partner in broken:
            comparison = Comparison(partner, Verdict.ERROR, broken.pop(partner))
            changes.append(CellChange(comparison, earlier, None))
        elif later is not None:
            changes.append(CellChange(_compared(earlier, later, after.run), earlier, later))
    common = {change.before.cell.id for change in changes}
    costs = tuple(cost_changes(before, after))
    if not common and not costs:
        raise ResultsError(
            f"the two results have no cell in common: one has {_some(old)}, the other {_some(new)}"
        )
    ratios = {time.name: time for time in before.times}
    return ResultsComparison(
        before.run,
        after.run,
        tuple(changes),
        tuple(_curves(changes, before, after)),
        tuple(
            Comparison(subject, Verdict.ERROR, reason)
            for subject, reason in broken.items()
            if subject not in broken_before
        ),
        tuple(TimeChange(ratios[time.name], time) for time in after.times if time.name in ratios),
        tuple(subject for subject in old if subject not in common),
        tuple(subject for subject in new if subject not in {*old, *partners.values()}),
        costs,
    )


def _partners(old: Mapping[str, Measurement], new: Mapping[str, Measurement]) -> dict[str, str]:
    """Cells of ``old`` that ``new`` has in other circumstances alone → their names there."""

    def by_key(cells: Mapping[str, Measurement]) -> dict[tuple[str, BaselineKey], list[str]]:
        return grouped(
            ((measurement.cell.family, BaselineKey.of(measurement)), subject)
            for subject, measurement in cells.items()
        )

    later = by_key(new)
    pairs = ((names, later.get(key, [])) for key, names in by_key(old).items())
    return {
        names[0]: others[0]
        for names, others in pairs
        if len(names) == len(others) == 1 and names != others
    }


def _measured(results: Results) -> dict[str, Measurement]:
    return {
        point.measured.cell.id: point.measured
        for point in results.points
        if point.measured is not None
    }


def _broken(results: Results) -> dict[str, str]:
    """Cell, curve or test → what went wrong, of what no longer works as it should."""
    judged = {("rd", comparison.subject) for comparison in results.comparisons}
    judged |= {("complexity", one.comparison.subject) for one in results.complexity if one.measured}
    judged |= {("memory", one.comparison.subject) for one in results.memory if one.measured}
    broken: dict[str, str] = {}
    for test in results.tests:
        # A test may fail over what is recorded, which is not in question here.
        over_baseline = any((check, test.subject) in judged for check in test.checks)
        if test.outcome == "failed" and not over_baseline:
            broken.setdefault(test.subject or test.id, test.first_line)
    return broken


def _compared(before: Measurement, after: Measurement, run: RunFacts) -> Comparison:
    if (before.corpus_digest, *before.images) != (after.corpus_digest, *after.images):
        reason = "the images are others, so nothing can be said"
        return Comparison(after.cell.id, Verdict.UNAVAILABLE, reason)
    return compare(after, before, run.tolerances)


def _curves(changes: list[CellChange], before: Results, after: Results) -> Iterator[Comparison]:
    """BD-rate of each family and setting of which every quality is comparable."""
    groups: dict[Curve, dict[str, tuple[Measurement, Measurement]]] = {}
    for change in changes:
        if change.after is not None and change.comparison.verdict is not Verdict.UNAVAILABLE:
            cell = change.after.cell
            pair = (change.before, change.after)
            groups.setdefault(Curve(cell.family, cell.setting), {})[cell.quality] = pair
    for curve, pairs in groups.items():
        if len(pairs) < MIN_POINTS:
            first, _ = next(iter(pairs.values()))
            sizes = (
                _size(before, Curve(curve.family, first.cell.setting)),
                _size(after, curve),
            )
            reason = (
                f"the runs have {plural(len(pairs), 'point')} of it in common (before "
                f"{sizes[0]}, after {sizes[1]}); a BD value needs at least {MIN_POINTS}"
            )
            yield Comparison(curve.id, Verdict.UNAVAILABLE, reason)
        else:
            yield _curve(curve, pairs, after)


def _size(results: Results, curve: Curve) -> int:
    """How many points of a curve a run measured."""
    cells = (measurement.cell for measurement in _measured(results).values())
    return sum((cell.family, cell.setting) == (curve.family, curve.setting) for cell in cells)


def _curve(
    curve: Curve, pairs: Mapping[str, tuple[Measurement, Measurement]], after: Results
) -> Comparison:
    known = after.families[curve.family].qualities if curve.family in after.families else pairs
    order = [quality for quality in known if quality in pairs]
    try:
        old = rd_curve("the earlier curve", {quality: pairs[quality][0] for quality in order})
        new = rd_curve(curve.family, {quality: pairs[quality][1] for quality in order})
    except ValueError as error:
        return Comparison(curve.id, Verdict.UNAVAILABLE, str(error))
    return compare_curves(
        curve.id,
        bd_rate_over_images(old, new),
        bd_quality(old, new),
        after.run.tolerances,
        against="the earlier curve",
    )


def _some(subjects: Mapping[str, object]) -> str:
    names = list(subjects)
    return ", ".join(names[:2]) + (", …" if len(names) > 2 else "") if names else "none"
