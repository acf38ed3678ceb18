"""What a results file of one shard says besides: which part it is, and what all parts share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pytest_lic.measuring.grid import Curve, Setting

LEFT = "left to pytest-lic merge: it has points in other shards"
"""Why the test of a curve is skipped that several shards have points of."""


@dataclass(frozen=True)
class LeftCurve:
    """A curve with points in several shards, and the command line that looks closer at it."""

    family: str
    setting: Setting
    command: str

    @property
    def curve(self) -> Curve:
        """The curve alone."""
        return Curve(self.family, self.setting)


@dataclass(frozen=True)
class ShardFacts:
    """One part of a run on many machines, and what it must have in common with the others.

    Args:
        number: which part, from 1.
        count: of the parts.
        cells: on its grid.
        whole: on the whole grid.
        plan: a digest of what each shard gets.
        baselines: a digest of the files that were compared with.
        options: what results depend on, option → its value.
        left: the curves for the merge to judge.
    """

    number: int
    count: int
    cells: int
    whole: int
    plan: str
    baselines: str
    options: Mapping[str, str]
    left: tuple[LeftCurve, ...]

    @property
    def name(self) -> str:
        """Such as ``3/16``."""
        return f"{self.number}/{self.count}"
