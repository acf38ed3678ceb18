"""The baseline entries after a run: which are recorded, which are stale, and pruning those."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from pytest_lic.baselines import entries
from pytest_lic.baselines.comparison import Comparison, Verdict, other_variant
from pytest_lic.baselines.entries import BaselineKey, Baselines
from pytest_lic.baselines.entry_json import same_results
from pytest_lic.codec import CodecFamily
from pytest_lic.measuring.grid import Cell
from pytest_lic.measuring.measure import ImageResult, Measurement
from pytest_lic.measuring.metrics import HEADLINES, METRICS
from pytest_lic.project.discovery import Families
from pytest_lic.rate_matching import target_of
from pytest_lic.results.records import PointRecord
from pytest_lic.run.stale import Stale, by_family


@dataclass(frozen=True)
class Point:
    """A cell that was measured, and the verdict on it.

    ``baseline`` is what it was compared with: of the user's folder, or a shipped one.
    """

    measurement: Measurement
    comparison: Comparison
    baseline: Measurement | None = None


def points(records: Iterable[PointRecord]) -> list[Point]:
    """The cells that were measured, in their order."""
    measured = [
        Point(record.result.measured, record.comparison, record.result.baseline)
        for record in records
        if record.result.measured is not None
    ]
    return sorted(measured, key=lambda point: point.measurement.cell.id)


def record(
    baselines: Baselines,
    cells: Sequence[Cell],
    measured: Iterable[Point],
    broken: set[tuple[str, str]],
    *,
    update: bool,
) -> list[str]:
    """Write a run's measurements as baselines; a line for each one that changed.

    Args:
        baselines: the folder they go to.
        cells: those of the run's grid, in order.
        measured: the points of the run.
        broken: (family, quality) pairs that failed their round trip or determinism: never
            recorded.
        update: record what changed too, and not only what has no baseline yet: a point, or a
            metric that a baseline lacks.
    """
    order = {cell: place for place, cell in enumerate(cells)}
    # Several batches or devices share one key: the first on the grid is recorded.
    chosen: dict[str, dict[BaselineKey, Point]] = {}
    for point in sorted(measured, key=lambda point: order.get(point.measurement.cell, len(order))):
        cell = point.measurement.cell
        if (cell.family, cell.quality) not in broken:
            chosen.setdefault(cell.family, {}).setdefault(BaselineKey.of(point.measurement), point)
    lines = []
    for family, of_family in sorted(chosen.items()):
        own = baselines.own(family)
        new = []
        for key, measured_point in of_family.items():
            before = own.get(key)
            complete = _completed if update else _filled_in
            point = complete(measured_point, before or measured_point.baseline)
            if _worth_recording(point, before, update=update):
                new.append(point.measurement)
                lines.append(_line(point, before))
        if new:
            entries.save(baselines.folder, family, own, new)
    for family, quality in sorted(broken):
        lines.append(
            f"{family}, quality {quality}: not recorded, its round trip or another check failed"
        )
    return lines


def worth_a_look(measured: Iterable[Point], *, update: bool) -> list[Measurement]:
    """The measurements that are new, and with ``update`` those that changed."""
    unchanged = {Verdict.SAME, Verdict.WITHIN}
    return [
        point.measurement
        for point in measured
        if point.comparison.verdict is Verdict.NEW
        or (update and point.comparison.verdict not in unchanged)
    ]


def stale(
    baselines: Baselines, families: Families, measured: Sequence[Point]
) -> list[Stale[BaselineKey]]:
    """Entries of the user's folder that a complete run had no use for.

    Only entries of the corpora and resolutions that the run covered: of each family on the grid,
    and of families that are gone. Not those of qualities that do not run by default.
    """
    used: dict[str, set[BaselineKey]] = {}
    covered: dict[str, set[tuple[str, str]]] = {}
    for point in measured:
        cell = point.measurement.cell
        used.setdefault(cell.family, set()).add(BaselineKey.of(point.measurement))
        setting = cell.setting
        covered.setdefault(cell.family, set()).add((setting.corpus, setting.resolution))
    everywhere = set().union(*covered.values())
    unused = []
    for family in baselines.families():
        known = families.by_name.get(family)
        places = everywhere if known is None else covered.get(family, set())
        for key, entry in baselines.own(family).items():
            setting = entry.cell.setting
            place = (setting.corpus, setting.resolution)
            here = used.get(family, ())
            if place in places and key not in here and not _is_left_out(known, key, here):
                what = f"quality {key.quality}, {key.resolution}"
                unused.append(Stale(family, key, what, _why(known, key, setting.corpus)))
    return unused


def prune(baselines: Baselines, gone: Iterable[Stale[BaselineKey]]) -> None:
    """Remove stale entries, and the files they leave empty."""
    for family, keys in by_family(gone).items():
        own = baselines.own(family)
        left = {key: baseline for key, baseline in own.items() if key not in keys}
        entries.save(baselines.folder, family, left)


def _completed(point: Point, before: Measurement | None) -> Point:
    """With the metrics that ``before`` has and this machine can't compute, where no bit changed.

    Not with those of another variant: numbers of two can't stand in one entry.
    """
    if before is None:
        return point
    others = {name for name in before.variants if other_variant(name, point.measurement, before)}

    def kept(old: ImageResult) -> dict[str, float]:
        return {name: value for name, value in old.metrics.items() if name not in others}

    images = {
        name: replace(image, metrics={**kept(old), **image.metrics})
        if (old := before.images.get(name)) is not None and old.bits == image.bits
        else image
        for name, image in point.measurement.images.items()
    }
    variants = {**before.variants, **point.measurement.variants}
    measurement = replace(point.measurement, images=images, variants=variants)
    return replace(point, measurement=measurement)


def _filled_in(point: Point, before: Measurement | None) -> Point:
    """``before`` with the metrics that it has of no image, where all others hold.

    They are recorded beside what is there even where a bit differs from it inside the tolerances,
    as on another machine than the one that recorded.
    """
    if before is None:
        return point
    measured = point.measurement
    added = {name for name in METRICS if measured.values(name) and not before.values(name)}
    if point.comparison.verdict not in (Verdict.SAME, Verdict.WITHIN, Verdict.CHANGED) or not added:
        return replace(point, measurement=before)
    images = {}
    for name, old in before.images.items():
        new = measured.images[name].metrics
        more = {metric: new[metric] for metric in sorted(added & new.keys())}
        images[name] = replace(old, metrics={**old.metrics, **more})
    variants = {name: text for name, text in measured.variants.items() if name in added}
    filled_in = replace(before, images=images, variants={**before.variants, **variants})
    return replace(point, measurement=filled_in)


def _worth_recording(point: Point, before: Measurement | None, *, update: bool) -> bool:
    missing = point.comparison.verdict is Verdict.NEW
    if before is None and not missing:
        # A shipped baseline: while it holds and lacks nothing, a copy of it would only age.
        worse_or_better = (Verdict.REGRESSED, Verdict.IMPROVED, Verdict.ERROR)
        return bool(_added(point)) or (update and point.comparison.verdict in worse_or_better)
    if not update:
        return missing or (before is not None and not same_results(before, point.measurement))
    return before is None or not same_results(before, point.measurement)


def _added(point: Point) -> set[str]:
    """The metrics that its baseline has of no image."""
    before, measured = point.baseline, point.measurement
    return {
        name
        for name in METRICS
        if before is not None and measured.values(name) and not before.values(name)
    }


def _line(point: Point, before: Measurement | None) -> str:
    after = point.measurement
    verdict = "first recorded" if before is None else point.comparison.verdict.value
    parts = []
    for metric in HEADLINES:
        new = after.mean(metric.name)
        old = before.mean(metric.name) if before is not None else None
        if new is not None:
            arrow = f"{metric.text(old)} → " if old is not None else ""
            parts.append(f"{arrow}{metric.text(new)} {metric.unit}")
    for name in METRICS:
        if before is None or bool(before.values(name)) == bool(after.values(name)):
            continue
        if after.values(name):
            parts.append(f"{name} is new")
        else:
            reason = after.unavailable().get(name, "not asked for")
            parts.append(f"{name} no longer recorded ({reason})")
    cell = after.cell
    setting = f"{cell.setting.corpus} {cell.setting.resolution}"
    return f"{cell.family}, quality {cell.quality}, {setting}: {verdict}: {', '.join(parts)}"


def _is_left_out(
    family: CodecFamily | None, key: BaselineKey, used: Collection[BaselineKey]
) -> bool:
    if family is not None and family.levels is not None and target_of(key.quality) is not None:
        return True  # a run takes target rates only where it is told them
    known = family is not None and key.quality in family.qualities
    return known and all(other.quality != key.quality for other in used)


def _why(family: CodecFamily | None, key: BaselineKey, corpus: str) -> str:
    if family is None:
        return "no codec has this name"
    if key.quality not in family.qualities:
        return f"quality {key.quality} is gone"
    return f"corpus {corpus} had other images then (digest {key.corpus_digest})"
