"""What was recorded over time: the baselines of each commit that changed them, from git.

A family's file is followed back through renames of the file or its folder (``git log --follow``).
"""

from __future__ import annotations

import tempfile
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from pytest_lic.baselines import costs, entries
from pytest_lic.baselines.costs import Complexity
from pytest_lic.errors import BaselineError, UsageError
from pytest_lic.measuring.measure import Measurement
from pytest_lic.system.git import (
    HOW_TO_GET_HISTORY,
    commit_of_history,
    git,
    is_shallow,
    repository_root,
)
from pytest_lic.system.groups import grouped

_LOG = ("--follow", "--diff-filter=d", "--name-only", "-z", "--format=%x01%H%x02%cI%x02%s%x02")


@dataclass(frozen=True)
class Recording:
    """A commit that recorded something, and what it left of each quality.

    ``points`` are the measurements; ``complexity`` is empty where none is recorded.
    """

    commit: str
    when: datetime
    subject: str
    points: Mapping[str, Measurement]
    complexity: Mapping[str, Complexity]

    def changes(self, before: Recording) -> bool:
        """Whether anything is recorded otherwise than it was."""
        return self.points != before.points or self.complexity != before.complexity


@dataclass(frozen=True)
class Series:
    """A family's recordings of the same images at the same resolution, the oldest first."""

    family: str
    corpus: str
    digest: str
    resolution: str
    recordings: tuple[Recording, ...]


@dataclass(frozen=True)
class History:
    """All series, and a sentence on each file of a commit that could not be read.

    ``commits`` are those of the recordings, the oldest first.
    """

    series: tuple[Series, ...]
    unread: tuple[str, ...]
    commits: tuple[str, ...]


def history(folder: Path, families: Sequence[str], since: str | None = None) -> History:
    """What was recorded of these families.

    Args:
        folder: of the baselines, as it is called now.
        families: that have a file in it.
        since: a commit; recordings before what it had are left out.

    Raises:
        UsageError: no repository, a shallow clone, or no commit of that name.
    """
    root = repository_root(folder)
    if is_shallow(root):
        raise UsageError(
            f"{root} is a shallow clone, which lacks the older recordings: {HOW_TO_GET_HISTORY}"
        )
    if not git("rev-list", "--all", "--max-count=1", cwd=root):
        raise UsageError(f"{root} has no commit yet; commit {folder.name}")
    order = git("rev-list", "--topo-order", "--reverse", "HEAD", cwd=root).split()
    places = {commit: place for place, commit in enumerate(order)}
    new = set(order)
    if since is not None:
        start = commit_of_history(root, since)
        new = set(git("rev-list", f"{start}..HEAD", cwd=root).split())
    series: list[Series] = []
    unread: list[str] = []
    for family in families:
        recordings = list(_recordings(root, folder / f"{family}.json", unread))
        recordings.sort(key=lambda each: places[each[1].commit])
        series += (
            Series(family, *of, tuple(_changes(each, new)))
            for of, each in sorted(grouped(recordings).items())
        )
    recorded = {recording.commit for one in series for recording in one.recordings}
    return History(tuple(series), tuple(unread), tuple(sorted(recorded, key=places.__getitem__)))


def _recordings(
    root: Path, file: Path, unread: list[str]
) -> Iterator[tuple[tuple[str, str, str], Recording]]:
    """What each commit that changed a family's file made of it, by corpus, digest and resolution.

    What can't be read is added to ``unread``.
    """
    path = file.resolve().relative_to(root).as_posix()
    for logged in git("log", *_LOG, "--", path, cwd=root).split("\x01")[1:]:
        commit, when, subject, names = logged.split("\x02")
        name = names.strip("\0\n")
        try:
            read, complexities = _read(git("show", f"{commit}:{name}", cwd=root), Path(name))
        except BaselineError as error:
            unread.append(f"{commit[:10]}: {error}")
            continue
        # A family that has been renamed since is the same one.
        measurements = (replace(one, cell=replace(one.cell, family=file.stem)) for one in read)
        parts = grouped(
            ((one.cell.setting.corpus, one.corpus_digest, one.cell.setting.resolution), one)
            for one in measurements
        )
        for of, ones in parts.items():
            points = {one.cell.quality: one for one in ones}
            complexity = {label: one for label, one in complexities.items() if label in points}
            yield of, Recording(commit, datetime.fromisoformat(when), subject, points, complexity)


def _read(text: str, path: Path) -> tuple[list[Measurement], Mapping[str, Complexity]]:
    """The measurements in the text of a family's file, and the complexity of each quality."""
    with tempfile.TemporaryDirectory(prefix="pytest-lic-history-") as folder:
        copy = Path(folder) / path.name
        copy.write_text(text, encoding="utf-8", errors="surrogateescape")
        try:
            measurements = entries.load(copy.parent, copy.stem)
            return list(measurements.values()), costs.load(copy.parent, copy.stem).complexity
        except BaselineError as error:
            raise BaselineError(str(error).replace(str(copy), str(path))) from error


def _changes(recordings: Sequence[Recording], new: Container[str]) -> list[Recording]:
    """Those that changed something; of those that are not ``new``, only the last."""
    changes: list[Recording] = []
    for recording in recordings:
        if changes and not recording.changes(changes[-1]):
            continue
        if changes and recording.commit not in new:
            changes.pop()
        changes.append(recording)
    return changes
