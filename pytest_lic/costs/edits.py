"""The edits of recorded costs between two states of a folder of baselines."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_lic.baselines.costs import Complexity, Memory, RecordedComplexity, RecordedMemory
from pytest_lic.baselines.edits import BaselineFolders, Edit, EditKind, before_and_after
from pytest_lic.costs.complexity import cost_changes
from pytest_lic.costs.memory import moved


def cost_edits(folders: BaselineFolders, memory_tolerance: float) -> Iterator[Edit]:
    """Every edit of complexity and memory, family by family.

    Args:
        folders: what is compared.
        memory_tolerance: percent by which memory may rise.

    Raises:
        BaselineError: a file that is damaged or of a newer format.
    """
    for family in folders.families():
        for quality, then, now in before_and_after(RecordedComplexity.load, family, folders):
            subject = f"{family}, quality {quality}, complexity"
            if then is None or now is None:
                yield _come_or_gone(subject, came=then is None)
            elif then != now:
                yield _complexity(subject, then, now)
        for key, before, after in before_and_after(RecordedMemory.load, family, folders):
            subject = f"{family}, quality {key.quality}, memory on {key.device}"
            if before is None or after is None:
                yield _come_or_gone(subject, came=before is None)
            elif before != after:
                yield _memory(subject, before.memory, after.memory, memory_tolerance)


def _come_or_gone(subject: str, *, came: bool) -> Edit:
    return Edit(subject, EditKind.ADDED if came else EditKind.REMOVED)


def _complexity(subject: str, then: Complexity, now: Complexity) -> Edit:
    changes = cost_changes(now, then)
    texts = [str(change) for change in changes]
    lost = then.parameters is not None and now.parameters is None
    if lost:
        texts.append("weights no longer compared with")
    if lost or any(change.measured > change.recorded for change in changes):
        kind = EditKind.LOWERED
    else:
        kind = EditKind.RAISED if changes else EditKind.RECORDED_AGAIN
    return Edit(subject, kind, "; ".join(texts) or "other stages, or weights that were not told")


def _memory(subject: str, then: Memory, now: Memory, tolerance: float) -> Edit:
    worse, better = moved(now, then, tolerance)
    before, after = _sizes(then), _sizes(now)
    worse += [f"{what}: no longer compared with" for what in before if what not in after]
    if worse:
        return Edit(subject, EditKind.LOWERED, "; ".join(worse))
    if better:
        return Edit(subject, EditKind.RAISED, "; ".join(better))
    more = any(after[what] > size for what, size in before.items())
    return Edit(subject, EditKind.LOWERED_WITHIN if more else EditKind.RECORDED_AGAIN)


def _sizes(memory: Memory) -> dict[str, int]:
    """Every number that is recorded, in bytes."""
    sizes: dict[str, int] = {}
    for name, side in memory.sides().items():
        sizes |= {f"{name}, {pixels}×{pixels}": size for pixels, size in side.peaks.items()}
        sizes[f"{name}, kept of each image"] = side.growth
    return sizes
