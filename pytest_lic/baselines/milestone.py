"""Milestone: the baselines of an earlier commit that every run is held to as well.

A codec may creep: each change is inside the tolerances and recorded, and so becomes the bar of the
next. What a milestone holds no run moves.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pytest_lic.baselines.at_commit import folder_at
from pytest_lic.baselines.entries import Baselines
from pytest_lic.errors import UsageError
from pytest_lic.system.git import commit_of_history, repository_root


@dataclass(frozen=True)
class Milestone:
    """The commit ``commit`` that the user calls ``name``, and the ``baselines`` it has."""

    name: str
    commit: str
    baselines: Baselines

    @property
    def title(self) -> str:
        """Such as ``milestone v1.2 (1a2b3c4d5e)``."""
        return f"milestone {self.name} ({self.commit[:10]})"


def milestone_at(here: Path, name: str, folder: Path, into: Path) -> Milestone:
    """The milestone of a project.

    Args:
        here: a folder within the repository.
        name: any name that git knows the commit by.
        folder: of the baselines, as it is called now.
        into: where files of the commit may be written.

    Raises:
        UsageError: no repository, no such commit, or one without baselines.
    """
    root = repository_root(here)
    commit = commit_of_history(root, name)
    baselines = Baselines(folder_at(root, commit, folder, into), Path(), frozenset())
    milestone = Milestone(name, commit, baselines)
    if not baselines.families():
        raise UsageError(
            f"{milestone.title} has no baselines in {folder.relative_to(root).as_posix()}; "
            "choose a commit that recorded some"
        )
    return milestone
