"""What swapping one component does: each variant's curve and times beside the reference's.

    families ──▶ groups that differ in one tag ──▶ curves: measured before, or now
                                              └──▶ times: taken now, side by side

A row that can't be computed holds the reason. Curves come from the measurement store, so what an
earlier run measured is not measured again, and an interrupted ablation goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pytest_lic.ablation.curves import AblationCurves
from pytest_lic.ablation.groups import Group, is_learned, make_groups, variant_of
from pytest_lic.ablation.result import Ablation, Question, Row, Table
from pytest_lic.ablation.times import with_times
from pytest_lic.codec import CodecFamily
from pytest_lic.measuring.grid import Curve, Setting
from pytest_lic.measuring.rate_distortion import BD, RDCurve, bd_quality, bd_rate
from pytest_lic.run.run import Run


def ablation(run: Run, question: Question, say: Callable[[str], None]) -> Ablation:
    """Compare the variants of each group of the families on the run's grid, in each setting.

    Args:
        run: whose selection names the families, settings and anchors.
        question: what to compare, and how.
        say: told what is being measured.

    Raises:
        UnknownNameError: a tag or a reference that no codec has.
        UsageError: no codec has another one to be compared with.
    """
    learned = [family for family in run.setup.selected_families if is_learned(family)]
    groups, alone = make_groups(learned, question.by, question.reference)
    curves = AblationCurves(run.setup, run.measurements, run.curves, say)
    tables = []
    anchors = {}
    for setting in dict.fromkeys(cell.setting for cell in run.setup.grid.of("rate")):
        anchors[setting.id] = curves.anchors(setting, question.metric)
        for group in groups:
            digest = run.setup.corpus(Curve(group.families[0].name, setting)).digest
            rows = _rows(curves, question, setting, group, anchors[setting.id])
            reference = group.reference.name if group.reference is not None else None
            table = Table(group.tags, setting, digest, reference, rows)
            if question.repetitions:
                table = with_times(run.setup, question, group, table, say)
            tables.append(table)
    return Ablation(
        question,
        run.setup.options.threads,
        tuple(tables),
        anchors,
        tuple(family.name for family in alone),
        curves.measured,
        curves.found,
    )


def _rows(
    curves: AblationCurves,
    question: Question,
    setting: Setting,
    group: Group[CodecFamily],
    anchors: Mapping[str, RDCurve | str],
) -> tuple[Row, ...]:
    """Everything but the times."""
    found = {family.name: curves.curve(family, setting) for family in group.families}
    compared: RDCurve | str = f"this group has no variant {question.reference}"
    if group.reference is not None:
        compared = found[group.reference.name]
        if isinstance(compared, str):
            compared = f"the reference {group.reference.name} has no curve: {compared}"

    def rate(anchor: RDCurve, test: RDCurve) -> BD:
        return bd_rate(anchor, test, question.metric)

    def quality(anchor: RDCurve, test: RDCurve) -> BD:
        return bd_quality(anchor, test, question.metric)

    rows = []
    for family in group.families:
        curve = found[family.name]
        itself = family is group.reference
        rows.append(
            Row(
                family=family.name,
                variant=variant_of(family, question.by),
                fingerprints=curves.fingerprints(family, setting),
                curve=None if isinstance(curve, str) else curve,
                anchors={
                    name: _difference(anchor, curve, rate) for name, anchor in anchors.items()
                },
                rate=None if itself else _difference(compared, curve, rate),
                quality=None if itself else _difference(compared, curve, quality),
            )
        )
    return tuple(rows)


def _difference(
    anchor: RDCurve | str, test: RDCurve | str, between: Callable[[RDCurve, RDCurve], BD]
) -> BD:
    """The difference of two curves; for want of one of them, the reason."""
    if isinstance(test, str):
        return BD(None, test)
    return BD(None, anchor) if isinstance(anchor, str) else between(anchor, test)
