"""An ablation: the curve and times of each variant of a component beside the reference's.

    families ──▶ groups that differ in one tag ──▶ curves: measured before, or now
                                              └──▶ times: taken now, side by side

A row that can't be computed holds the reason. Curves come from the measurement store, so what an
earlier run measured is not measured again, and an interrupted ablation goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pytest_lic.ablation.bits import bits_of
from pytest_lic.ablation.curves import AblationCurves
from pytest_lic.ablation.groups import Group, is_learned, make_groups, variant_of
from pytest_lic.ablation.result import Ablation, Question, Table, Variant
from pytest_lic.ablation.times import with_times
from pytest_lic.codec import CodecFamily
from pytest_lic.errors import Unavailable
from pytest_lic.measuring.grid import Curve, Setting
from pytest_lic.measuring.intervals import bd_rate_over_images
from pytest_lic.measuring.rate_distortion import (
    BD,
    MIN_POINTS,
    CurveMetric,
    RDCurve,
    bd_quality,
    bd_rate,
)
from pytest_lic.run.run import Run


def ablation(run: Run, question: Question, say: Callable[[str], None]) -> Ablation:
    """Compare the variants of each group of the families on the run's grid, in each setting.

    Args:
        run: whose selection names the families, settings and anchors.
        question: what to compare, and how.
        say: called with what is being measured.

    Raises:
        UnknownNameError: a tag or a reference that no codec has.
        UsageError: no codec has another one to be compared with.
    """
    learned = [family for family in run.setup.selected_families if is_learned(family)]
    groups, alone = make_groups(learned, question.by, question.reference)
    curves = AblationCurves(run, say)
    tables = []
    anchors = {}
    for setting in dict.fromkeys(cell.setting for cell in run.setup.grid.of("rate")):
        anchors[setting.id] = curves.anchors(setting, question.metric)
        for group in groups:
            digest = run.setup.corpus(Curve(group.families[0].name, setting)).digest
            rows = _rows(curves, question, setting, group, anchors[setting.id])
            reference = group.reference.name if group.reference is not None else None
            bits = bits_of(run, question, setting, group, say)
            table = Table(group.tags, setting, digest, reference, rows, bits=bits)
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
        curves.earlier,
    )


def _rows(
    curves: AblationCurves,
    question: Question,
    setting: Setting,
    group: Group[CodecFamily],
    anchors: Mapping[str, RDCurve | Unavailable],
) -> tuple[Variant, ...]:
    """Everything but the times."""
    measured = {family.name: curves.curve(family, setting) for family in group.families}
    reference: RDCurve | Unavailable
    if group.reference is None:
        reference = Unavailable(f"this group has no variant {question.reference}")
    else:
        name = group.reference.name
        reference = measured[name]
        if isinstance(reference, Unavailable):
            reference = Unavailable(f"the reference {name} has no curve: {reference}")
    metric = question.metric
    rows = []
    for family in group.families:
        curve = measured[family.name]
        itself = family is group.reference
        rate, quality = _differences(reference, curve, metric)
        rows.append(
            Variant(
                family=family.name,
                label=variant_of(family, question.by),
                fingerprints=curves.fingerprints(family, setting),
                curve=curve,
                anchors={
                    name: bd_rate_over_images(anchor, curve, metric)
                    for name, anchor in anchors.items()
                },
                rate=None if itself else rate,
                quality=None if itself else quality,
                times=Unavailable("not asked for"),
            )
        )
    return tuple(rows)


def _differences(
    reference: RDCurve | Unavailable, curve: RDCurve | Unavailable, metric: CurveMetric
) -> tuple[BD, BD]:
    """BD-rate and BD of the metric; where one has too few qualities, over those of both."""
    if isinstance(reference, RDCurve) and isinstance(curve, RDCurve):
        labels = set(reference.labels) & set(curve.labels)
        if min(len(reference.bpp), len(curve.bpp)) < MIN_POINTS:
            few = reference.of(labels), curve.of(labels)
            return bd_rate(*few, metric, least=2), bd_quality(*few, metric, least=2)
    return bd_rate_over_images(reference, curve, metric), bd_quality(reference, curve, metric)
