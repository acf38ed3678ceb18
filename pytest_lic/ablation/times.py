"""The times of one group's variants, all qualities together, beside those of the reference."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from pytest_lic.ablation import turns
from pytest_lic.ablation.groups import Group
from pytest_lic.ablation.result import Question, Table
from pytest_lic.codec import Codec, CodecFamily
from pytest_lic.errors import LicError, Unavailable
from pytest_lic.images.corpus import Image
from pytest_lic.measuring.grid import Curve
from pytest_lic.project import family_calls
from pytest_lic.run.setup import Setup
from pytest_lic.timing.batches import spread

TIMED_IMAGES = 5
"""Of a larger corpus, that many images are timed."""


def with_times(
    setup: Setup,
    question: Question,
    group: Group[CodecFamily],
    table: Table,
    say: Callable[[str], None],
) -> Table:
    """The table with each variant's times, or the reason why it has none.

    One quality after the other, so that no more than one network of each variant is loaded. Those
    whose bitstreams can't be trusted, for want of a curve, are left out.

    Args:
        setup: whose corpora and threads are used.
        question: how many repetitions to take.
        group: the codecs.
        table: their rows, in the same order.
        say: called with what is being timed.
    """
    reasons = _untimed(group, table)
    timed = [family for family in group.families if family.name not in reasons]
    corpus = setup.corpus(Curve(group.families[0].name, table.setting))
    images = spread(corpus.images, TIMED_IMAGES)
    reference = group.reference
    if len(timed) < 2 or reference is None:
        return _timed(table, reasons, {}, images, ())
    by_family: dict[str, list[turns.Times]] = {family.name: [] for family in timed}
    for quality in reference.qualities:
        going = [family for family in timed if family.name not in reasons]
        say(f"timing {', '.join(family.name for family in going)}, quality {quality}")
        codecs: dict[str, Codec] = {}
        for family in going:
            try:
                codecs[family.name] = family_calls.build(family, quality, table.setting.device)
            except LicError as error:
                reasons[family.name] = Unavailable(str(error))
        outcomes = turns.take_turns(
            codecs,
            images,
            device=table.setting.device,
            threads=setup.options.threads,
            repetitions=question.repetitions,
        )
        for name, times in outcomes.items():
            if isinstance(times, Unavailable):
                reasons[name] = Unavailable(f"quality {quality}: {times}")
            else:
                by_family[name].append(times)
        if reference.name in reasons:
            break
    whole = {name: _joined(times) for name, times in by_family.items() if name not in reasons}
    return _timed(table, reasons, whole, images, tuple(reference.qualities))


def _untimed(group: Group[CodecFamily], table: Table) -> dict[str, Unavailable]:
    """Family → why its times can't be compared with the reference's."""
    reference = group.reference
    reasons: dict[str, Unavailable] = {}
    for family, row in zip(group.families, table.rows, strict=True):
        if reference is None:
            reasons[family.name] = Unavailable("the group has no reference")
        elif isinstance(row.curve, Unavailable):
            reasons[family.name] = Unavailable("it has no curve")
        elif missing := [label for label in reference.qualities if label not in family.qualities]:
            reasons[family.name] = Unavailable(
                f"it lacks quality {', '.join(missing)} of the reference {reference.name}"
            )
    return reasons


def _timed(
    table: Table,
    reasons: Mapping[str, Unavailable],
    times: Mapping[str, turns.Times],
    images: Sequence[Image],
    qualities: tuple[str, ...],
) -> Table:
    reference = times.get(table.reference or "")
    alone = Unavailable("there is nothing to compare them with")
    rows = []
    for row in table.rows:
        own = times.get(row.family)
        if own is None or reference is None:
            rows.append(replace(row, times=own or reasons.get(row.family, alone)))
            continue
        rows.append(
            replace(
                row,
                times=own,
                encode=turns.TimeRatio.of(own.encode, reference.encode),
                decode=turns.TimeRatio.of(own.decode, reference.decode),
            )
        )
    names = tuple(image.name for image in images) if times else ()
    return replace(table, rows=tuple(rows), timed=names, qualities=qualities)


def _joined(times: Sequence[turns.Times]) -> turns.Times:
    """The times of all qualities as those of one, longer, row of images."""
    return turns.Times(
        encode=tuple(image for one in times for image in one.encode),
        decode=tuple(image for one in times for image in one.decode),
    )
