"""One shard as a merge holds it, so that a thousand fit into memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from pytest_lic.results.long_file import LongFile, load_long, long_file_of
from pytest_lic.results.results import FamilyFacts, Results, RunFacts
from pytest_lic.results.shard_facts import LeftCurve, ShardFacts
from pytest_lic.system.text_files import TextFiles


class ShardResults(LongFile):
    """What was found of one part of a run; ``facts`` is None where it is a whole one."""

    @property
    def run(self) -> RunFacts:
        """The circumstances."""
        return self.frame.results.run

    @property
    def families(self) -> Mapping[str, FamilyFacts]:
        """Those on the grid."""
        return self.frame.results.families

    @property
    def facts(self) -> ShardFacts | None:
        """Which part of the run it is."""
        return self.frame.results.shard


@dataclass
class ShardReader:
    """Reads shards, and holds what they have in common once."""

    files: TextFiles
    _families: Mapping[str, FamilyFacts] = field(default_factory=dict)
    _left: dict[LeftCurve, LeftCurve] = field(default_factory=dict)

    def load(self, path: Path) -> ShardResults:
        """Read a shard's file.

        Raises:
            ResultsError: as `load_long`.
        """
        return self._sharing(load_long(path, self.files))

    def of(self, results: Results) -> ShardResults:
        """What would be read of the file of these results."""
        return self._sharing(long_file_of(results))

    def _sharing(self, file: LongFile) -> ShardResults:
        results = file.frame.results
        if results.families != self._families:
            self._families = results.families
        shard = results.shard
        if shard is not None:
            left = tuple(self._left.setdefault(each, each) for each in shard.left)
            shard = replace(shard, left=left)
        results = replace(results, families=self._families, shard=shard)
        return ShardResults(replace(file.frame, results=results), file.points, file.tests)
