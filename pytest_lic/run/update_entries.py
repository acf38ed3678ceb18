"""What a finished run does to the baselines: update, name what is stale, prune.

Only the controller comes here, after the last test, and with everything at hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pytest_lic.baselines import entries
from pytest_lic.baselines.comparison import Comparison, Verdict
from pytest_lic.baselines.entries import Key
from pytest_lic.codec import CodecFamily
from pytest_lic.measuring.measure import Measurement
from pytest_lic.measuring.metrics import HEADLINES, METRICS
from pytest_lic.run.run import Run


@dataclass(frozen=True)
class Point:
    """A point's record as the controller received it."""

    measurement: Measurement
    comparison: Comparison

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Point:
        """From what `Gate.point` recorded."""
        return cls(
            Measurement.from_json(record["measurement"]), Comparison.from_json(record["comparison"])
        )


@dataclass(frozen=True)
class Stale:
    """A baseline entry that nothing asked for."""

    family: str
    key: Key
    why: str


def points(records: Iterable[Mapping[str, Any]]) -> list[Point]:
    """The measured points among a run's records, in the order of their cells."""
    found = [
        Point.of(record)
        for record in records
        if record["kind"] == "point" and "measurement" in record
    ]
    return sorted(found, key=lambda point: point.measurement.cell.id)


def record(run: Run, measured: Sequence[Point], broken: set[tuple[str, str]]) -> list[str]:
    """Write the run's measurements as baselines; a line for each one that changed.

    Args:
        run: whose options say whether all or only the missing ones are recorded.
        measured: the points of the run.
        broken: (family, quality) pairs that failed their round trip or determinism: never
            recorded.
    """
    order = {cell: place for place, cell in enumerate(run.setup.grid.of("rate"))}
    # Several batches or devices share one key: the first on the grid is recorded.
    chosen: dict[str, dict[Key, Point]] = {}
    for point in sorted(measured, key=lambda point: order.get(point.measurement.cell, len(order))):
        cell = point.measurement.cell
        if (cell.family, cell.quality) not in broken:
            chosen.setdefault(cell.family, {}).setdefault(Key.of(point.measurement), point)
    lines = []
    for family, found in sorted(chosen.items()):
        own = run.baselines.own(family)
        new = []
        for key, measured_point in found.items():
            point = _completed(measured_point, own.entries.get(key))
            if _worth_recording(run, own, key, point):
                new.append(point.measurement)
                lines.append(_line(point, own.entries.get(key)))
        if new:
            entries.save(run.baselines.path(family), entries.updated(own, new))
    for family, quality in sorted(broken):
        lines.append(
            f"{family}, quality {quality}: not recorded, its round trip or another check failed"
        )
    return lines


def stale(run: Run, measured: Sequence[Point]) -> list[Stale]:
    """Entries of the user's folder that a complete run of this grid had no use for.

    Only entries of the corpora and resolutions that the run covered: of each family on the grid,
    and of families that are gone.
    """
    used: dict[str, set[Key]] = {}
    covered: dict[str, set[tuple[str, str]]] = {}
    for point in measured:
        cell = point.measurement.cell
        used.setdefault(cell.family, set()).add(Key.of(point.measurement))
        setting = cell.setting
        covered.setdefault(cell.family, set()).add((setting.corpus, setting.resolution))
    everywhere = set().union(*covered.values())
    found = []
    for family in run.baselines.families():
        known = run.setup.families.by_name.get(family)
        places = everywhere if known is None else covered.get(family, set())
        for key, entry in run.baselines.own(family).entries.items():
            setting = entry.cell.setting
            place = (setting.corpus, setting.resolution)
            if place in places and key not in used.get(family, ()):
                found.append(Stale(family, key, _why(known, key, setting.corpus)))
    return found


def prune(run: Run, gone: Sequence[Stale]) -> None:
    """Remove stale entries, and the files they leave empty."""
    for family in {entry.family for entry in gone}:
        keys = [entry.key for entry in gone if entry.family == family]
        left = entries.without(run.baselines.own(family), keys)
        entries.save(run.baselines.path(family), left)


def _completed(point: Point, before: Measurement | None) -> Point:
    """With the metrics that ``before`` has and this machine can't compute, where no bit changed."""
    if before is None:
        return point
    images = {
        name: replace(image, metrics={**old.metrics, **image.metrics})
        if (old := before.images.get(name)) is not None
        and (old.bitstream, old.reconstruction) == (image.bitstream, image.reconstruction)
        else image
        for name, image in point.measurement.images.items()
    }
    variants = {**before.variants, **point.measurement.variants}
    measurement = replace(point.measurement, images=images, variants=variants)
    return replace(point, measurement=measurement)


def _worth_recording(run: Run, own: entries.FamilyBaseline, key: Key, point: Point) -> bool:
    missing = point.comparison.verdict is Verdict.NEW
    if not run.setup.options.update:
        return missing
    recorded = own.entries.get(key)
    if recorded is None and not missing:
        # A shipped baseline holds: a copy in the user's folder would only age.
        return point.comparison.verdict in (Verdict.REGRESSED, Verdict.IMPROVED, Verdict.ERROR)
    return recorded is None or not entries.same_results(recorded, point.measurement)


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
        if before is not None and before.values(name) and not after.values(name):
            reason = after.unavailable().get(name, "not asked for")
            parts.append(f"{name} no longer recorded ({reason})")
    cell = after.cell
    setting = f"{cell.setting.corpus} {cell.setting.resolution}"
    return f"{cell.family}, quality {cell.quality}, {setting}: {verdict}: {', '.join(parts)}"


def _why(family: CodecFamily | None, key: Key, corpus: str) -> str:
    if family is None:
        return "no codec has this name"
    if key.quality not in family.qualities:
        return f"quality {key.quality} is gone"
    return f"corpus {corpus} had other images then (digest {key.corpus_digest})"


def stale_text(entry: Stale) -> str:
    """One stale baseline in words."""
    return f"{entry.family}, quality {entry.key.quality}, {entry.key.resolution}: {entry.why}"
