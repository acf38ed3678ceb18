"""The edits of baselines between two states of their folder, and which way each moves the bar.

A branch that gets worse can be made to pass by recording its worse results. Its baselines are
therefore compared with those that it began with, by the gate's own comparison, and whoever reviews
it sees every bar that moved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from pytest_lic.baselines import entries, kept_streams
from pytest_lic.baselines.comparison import Difference, Ranked, Verdict, compare, other_variant
from pytest_lic.baselines.costs import Complexity, MemoryBaseline, MemoryKey
from pytest_lic.baselines.entries import BaselineKey
from pytest_lic.baselines.kept_streams import FOLDER, Stream, StreamKey
from pytest_lic.baselines.layered import families_in
from pytest_lic.baselines.tolerances import Tolerance
from pytest_lic.measuring.measure import Measurement
from pytest_lic.measuring.metrics import METRICS

_Key = TypeVar("_Key", BaselineKey, StreamKey, MemoryKey, str)
_Value = TypeVar("_Value", Measurement, Stream, MemoryBaseline, Complexity)


class EditKind(Ranked):
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
    """One edit: of an entry, of a kept bitstream, of a tolerance, or of what coding costs.

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
        families = set()
        for folder in (self.before, self.after):
            families |= {*families_in(folder, "entries"), *families_in(folder / FOLDER, "streams")}
        return sorted(families)


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
    edits = list(_tolerances(before, after))
    for family in folders.families():
        edits += _entries(family, folders, before)
        edits += _streams(family, folders)
    return sorted(edits, key=lambda edit: -edit.kind.rank)


def left_behind(project: Path, name: str) -> list[Edit]:
    """A removal for each folder of baselines of a project as it was; now they lie in ``name``."""
    reason = f"the baselines lie in {name} now, which had none: nothing holds them to these"
    return [
        Edit(f"folder {folder.relative_to(project).as_posix()}", EditKind.REMOVED, reason)
        for folder in sorted({path.parent for path in project.rglob("*.json")})
        if families_in(folder, "entries")
    ]


def _entries(
    family: str, folders: BaselineFolders, tolerances: Mapping[str, Tolerance]
) -> Iterator[Edit]:
    for _, then, now in before_and_after(entries.load, family, folders):
        if then is None or now is None:
            some = then or now
            assert some is not None
            kind = EditKind.ADDED if then is None else EditKind.REMOVED
            yield Edit(_point(some), kind)
        elif then != now:
            yield _moved(then, now, tolerances)


def before_and_after(
    load: Callable[[Path, str], dict[_Key, _Value]],
    family: str,
    folders: BaselineFolders,
    within: str = "",
) -> Iterator[tuple[_Key, _Value | None, _Value | None]]:
    """Each key of a family in one of the two folders, with what it has there, None for nothing.

    Args:
        load: reads a folder.
        family: whose file is read.
        folders: what is compared.
        within: the folder in them that is read, "" for themselves.
    """

    def holding(folder: Path) -> dict[_Key, _Value]:
        shipped = {} if folders.shipped is None else load(folders.shipped / within, family)
        return shipped | load(folder / within, family)

    before, after = holding(folders.before), holding(folders.after)
    for key in sorted(before.keys() | after.keys()):
        yield key, before.get(key), after.get(key)


def _moved(then: Measurement, now: Measurement, tolerances: Mapping[str, Tolerance]) -> Edit:
    subject = _point(now)
    judged = compare(now, then, tolerances)
    if judged.verdict is Verdict.ERROR:
        reason = "the images are others, although the corpus's digest is the same"
        return Edit(subject, EditKind.LOWERED, reason)
    exactly = compare(now, then, {metric: Tolerance(0, 0) for metric in tolerances})
    moved = [_with_tolerance(difference, tolerances) for difference in exactly.differences]
    moved.sort(key=lambda difference: -difference.worse_by / max(difference.tolerance, 1e-9))
    lost = _lost(then, now)
    reason = f"{', '.join(lost)} no longer compared with" if lost else ""
    if lost or judged.verdict is Verdict.REGRESSED:
        kind = EditKind.LOWERED
    elif judged.verdict is Verdict.IMPROVED:
        kind = EditKind.RAISED
    elif any(difference.worse_by > 0 for difference in moved):
        kind = EditKind.LOWERED_WITHIN
    else:
        kind = EditKind.RAISED if moved else EditKind.RECORDED_AGAIN
    return Edit(subject, kind, reason, tuple(moved))


def _lost(then: Measurement, now: Measurement) -> list[str]:
    pairs = [(image, now.images[name]) for name, image in then.images.items()]
    return [
        metric
        for metric in METRICS
        if other_variant(metric, then, now)
        or any(old.gated(metric) is not None and new.gated(metric) is None for old, new in pairs)
    ]


def _with_tolerance(difference: Difference, tolerances: Mapping[str, Tolerance]) -> Difference:
    tolerance = tolerances[difference.metric]
    allowed = tolerance.mean if difference.image is None else tolerance.image
    return replace(difference, tolerance=allowed)


def _streams(family: str, folders: BaselineFolders) -> Iterator[Edit]:
    for key, then, now in before_and_after(kept_streams.load, family, folders, FOLDER):
        subject = f"{family}, quality {key.quality}, kept bitstream of {key.image}"
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


def _point(baseline: Measurement) -> str:
    cell = baseline.cell
    setting = cell.setting
    return f"{cell.family}, quality {cell.quality}, {setting.corpus} {setting.resolution}"
