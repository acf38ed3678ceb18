"""What was done to the baselines between two states of their folder: each edit, and which way.

A branch that gets worse can be made to pass by recording its worse results. Its baselines are
therefore compared with those that it began with, by the gate's own comparison, and whoever reviews
it sees every bar that moved.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from pytest_lic.baselines import entries as baseline
from pytest_lic.baselines import kept_streams
from pytest_lic.baselines.comparison import Difference, Verdict, compare, other_variant
from pytest_lic.baselines.entries import Key
from pytest_lic.baselines.json_file import families_in
from pytest_lic.baselines.kept_streams import FOLDER, Stream
from pytest_lic.baselines.tolerances import Tolerance
from pytest_lic.measuring.measure import Measurement
from pytest_lic.measuring.metrics import METRICS


class EditKind(StrEnum):
    """What an edit does to the bar, from the harmless to the worst."""

    RECORDED_AGAIN = "recorded again"
    ADDED = "added"
    RAISED = "raised"
    LOWERED_WITHIN = "lowered within tolerance"
    REPLACED = "replaced"
    REMOVED = "removed"
    LOWERED = "lowered"

    @property
    def lowers(self) -> bool:
        """Whether something passes now that failed before, beyond the tolerances."""
        return self in (EditKind.REPLACED, EditKind.REMOVED, EditKind.LOWERED)


@dataclass(frozen=True)
class Edit:
    """One edit: of an entry, of a kept bitstream, or of a tolerance.

    ``moved`` holds the numbers that are not as they were, the worst first, each measured by the
    tolerance that it had before; ``reason`` says the rest in words.
    """

    subject: str
    kind: EditKind
    reason: str = ""
    moved: tuple[Difference, ...] = ()


@dataclass(frozen=True)
class BaselineFolders:
    """A folder of baselines before and after; ``shipped`` stands behind both where it is given."""

    before: Path
    after: Path
    shipped: Path | None = None

    def families(self) -> list[str]:
        """The families with a file in one of the two."""
        found = set()
        for folder in (self.before, self.after):
            found |= {*families_in(folder, "entries"), *families_in(folder / FOLDER, "streams")}
        return sorted(found)


def baseline_edits(
    folders: BaselineFolders, before: Mapping[str, Tolerance], after: Mapping[str, Tolerance]
) -> list[Edit]:
    """Every edit, the worst first.

    Args:
        folders: what is compared.
        before: the tolerances then, which judge the edits.
        after: those of now, edits too.

    Raises:
        BaselineError: a file that is damaged or of a newer format.
    """
    found = list(_tolerances(before, after))
    for family in folders.families():
        found += _entries(family, folders, before)
        found += _streams(family, folders)
    order = list(EditKind)
    return sorted(found, key=lambda edit: -order.index(edit.kind))


def left_behind(project: Path, name: str) -> list[Edit]:
    """Of a project as it was, each folder of baselines; those of now lie in one called ``name``."""
    reason = f"the baselines lie in {name} now, which had none: nothing holds them to these"
    return [
        Edit(f"folder {folder.relative_to(project).as_posix()}", EditKind.REMOVED, reason)
        for folder in sorted({path.parent for path in project.rglob("*.json")})
        if families_in(folder, "entries")
    ]


def _entries(
    family: str, folders: BaselineFolders, tolerances: Mapping[str, Tolerance]
) -> Iterator[Edit]:
    def holding(folder: Path) -> dict[Key, Measurement]:
        places = [folder] if folders.shipped is None else [folders.shipped, folder]
        entries: dict[Key, Measurement] = {}
        for place in places:
            entries |= baseline.load(place / f"{family}.json", family).entries
        return entries

    old, new = holding(folders.before), holding(folders.after)
    for key in sorted(old.keys() | new.keys()):
        then, now = old.get(key), new.get(key)
        if then is None or now is None:
            some = then or now
            assert some is not None
            kind = EditKind.ADDED if then is None else EditKind.REMOVED
            yield Edit(_point(some), kind)
        elif then != now:
            yield _moved(then, now, tolerances)


def _moved(then: Measurement, now: Measurement, tolerances: Mapping[str, Tolerance]) -> Edit:
    subject = _point(now)
    judged = compare(now, then, tolerances)
    if judged.verdict is Verdict.ERROR:
        reason = "the images are others, although the corpus's digest is the same"
        return Edit(subject, EditKind.LOWERED, reason)
    exactly = compare(now, then, {metric: Tolerance(0, 0) for metric in tolerances})
    moved = [_with_tolerance(each, tolerances) for each in exactly.differences]
    moved.sort(key=lambda each: -each.worse_by / max(each.tolerance, 1e-9))
    lost = _lost(then, now)
    reason = f"{', '.join(lost)} no longer compared with" if lost else ""
    if lost or judged.verdict is Verdict.REGRESSED:
        kind = EditKind.LOWERED
    elif judged.verdict is Verdict.IMPROVED:
        kind = EditKind.RAISED
    elif any(each.worse_by > 0 for each in moved):
        kind = EditKind.LOWERED_WITHIN
    else:
        kind = EditKind.RAISED if moved else EditKind.RECORDED_AGAIN
    return Edit(subject, kind, reason, tuple(moved))


def _lost(then: Measurement, now: Measurement) -> list[str]:
    """The metrics that some image is no longer held to."""
    lost = []
    for metric in METRICS:
        if other_variant(metric, then, now) or any(
            image.gated(metric) is not None and now.images[name].gated(metric) is None
            for name, image in then.images.items()
        ):
            lost.append(metric)
    return lost


def _with_tolerance(each: Difference, tolerances: Mapping[str, Tolerance]) -> Difference:
    tolerance = tolerances[each.metric]
    return replace(each, tolerance=tolerance.mean if each.image is None else tolerance.image)


def _streams(family: str, folders: BaselineFolders) -> Iterator[Edit]:
    def holding(folder: Path) -> dict[kept_streams.Key, Stream]:
        places = [folder] if folders.shipped is None else [folders.shipped, folder]
        streams: dict[kept_streams.Key, Stream] = {}
        for place in places:
            streams |= kept_streams.load(place / FOLDER, family)
        return streams

    old, new = holding(folders.before), holding(folders.after)
    for key in sorted(old.keys() | new.keys()):
        then, now = old.get(key), new.get(key)
        subject = f"{family}, quality {key[0]}, kept bitstream of {key[1]}"
        if then is None or now is None:
            yield Edit(subject, EditKind.ADDED if then is None else EditKind.REMOVED)
        elif then.files != now.files:
            yield Edit(subject, EditKind.REPLACED, "the old one need not decode any more")
        elif then != now:
            yield Edit(subject, EditKind.RECORDED_AGAIN, "the same bits, of other circumstances")


def _tolerances(before: Mapping[str, Tolerance], after: Mapping[str, Tolerance]) -> Iterator[Edit]:
    for metric, tolerance in before.items():
        for part in ("mean", "image"):
            then, now = getattr(tolerance, part), getattr(after[metric], part)
            if then != now:
                kind = EditKind.LOWERED if now > then else EditKind.RAISED
                yield Edit(f"tolerance of {metric}, {part}", kind, f"{then:g} → {now:g}")


def _point(entry: Measurement) -> str:
    cell = entry.cell
    setting = cell.setting
    return f"{cell.family}, quality {cell.quality}, {setting.corpus} {setting.resolution}"
