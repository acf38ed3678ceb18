"""Setup: what is settled before a run measures anything: options, families and grid."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pytest_lic.codec import CodecFamily
from pytest_lic.images.corpus import Corpus, load_corpus
from pytest_lic.measuring.grid import Cell, Curve, Grid
from pytest_lic.measuring.selection import select_families
from pytest_lic.measuring.timed_grid import timed_families
from pytest_lic.project import family_calls
from pytest_lic.project.discovery import Families
from pytest_lic.project.options import Options
from pytest_lic.run.shared import Shared
from pytest_lic.system.git import Commit, checked_out_commit


@dataclass(frozen=True)
class Setup:
    """The same in all processes of a run.

    Args:
        options: checked.
        families: every family there is, on the grid or not.
        grid: what is measured.
        shared: what all processes have in common.
    """

    options: Options
    families: Families
    grid: Grid
    shared: Shared

    def corpus(self, subject: Cell | Curve) -> Corpus:
        """The images of a cell or curve, at its resolution."""
        setting = subject.setting
        return load_corpus(self.grid.corpora[setting.corpus], setting.resolution)

    def unavailable(self, family: str, device: str) -> str | None:
        """Why a family can't run on a device here, or None."""
        return family_calls.unavailable(self.families[family], device)

    @cached_property
    def selected_families(self) -> tuple[CodecFamily, ...]:
        """The families on the grid, those that are only timed among them."""
        families, selection = list(self.families.by_name.values()), self.options.selection
        if self.options.timing is not None:
            return timed_families(families, selection)
        return select_families(families, selection)

    @cached_property
    def commit(self) -> Commit | None:
        """What is checked out where pytest was started; new baselines are no change of it."""
        return checked_out_commit(Path(self.shared.origin.folder), self.options.baselines)
