"""Results: all that one run found out, as values from which reports are drawn, then or later.

`json_file` writes them to a file and reads them again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from pytest_lic.baselines.comparison import Comparison, Verdict
from pytest_lic.baselines.costs import Complexity, Memory
from pytest_lic.baselines.tolerances import Tolerance
from pytest_lic.checks.progressive import PartOfStream
from pytest_lic.measuring.grid import Setting
from pytest_lic.measuring.measure import Measurement
from pytest_lic.results.crop import Crop
from pytest_lic.results.shard_facts import ShardFacts
from pytest_lic.system.environment import Environment
from pytest_lic.system.groups import grouped


@dataclass(frozen=True)
class RunFacts:
    """The circumstances of a run.

    ``commit`` is the full id of what was checked out, ``changed`` whether tracked files differed
    from it. ``failure`` is why the run failed after its tests, such as slower benchmarks.
    """

    created: datetime
    pytest_lic: str
    exit_status: int
    command: tuple[str, ...]
    commit: str | None
    changed: bool
    strict: bool
    tolerances: Mapping[str, Tolerance]
    failure: str = ""


@dataclass(frozen=True)
class FamilyFacts:
    """What is known of a codec family beside its numbers."""

    qualities: Mapping[str, float | None]
    tags: Mapping[str, str]


@dataclass(frozen=True)
class PointResult:
    """One cell: the verdict, what was measured, and what it was compared with."""

    comparison: Comparison
    measured: Measurement | None = None
    baseline: Measurement | None = None


@dataclass(frozen=True)
class AnchorResult:
    """BD-rate (percent) and BD-PSNR (dB) against an anchor, or why there is none.

    ``points`` are the anchor's bpp, PSNR in dB and linear MS-SSIM, where it has one. ``by_metric``
    has BD-rate by other metrics than PSNR, those that were asked for; None where there is none.
    """

    anchor: str
    bd_rate: float | None
    bd_psnr: float | None
    reason: str | None
    points: tuple[tuple[float, float, float | None], ...] = ()
    by_metric: Mapping[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True)
class CurveResult:
    """One family over its qualities, in one setting."""

    comparison: Comparison
    family: str
    setting: Setting
    anchors: tuple[AnchorResult, ...] = ()


@dataclass(frozen=True)
class ComplexityResult:
    """One quality of a family: the verdict on its complexity, and what led to it."""

    comparison: Comparison
    family: str
    quality: str
    measured: Complexity | None = None
    baseline: Complexity | None = None


@dataclass(frozen=True)
class MemoryResult:
    """The same of its memory on a device; ``environment`` is that of the measurement, if known."""

    comparison: Comparison
    family: str
    quality: str
    device: str
    measured: Memory | None = None
    baseline: Memory | None = None
    environment: Environment | None = None


@dataclass(frozen=True)
class ProgressiveResult:
    """What parts of a cell's streams give: ``subject`` is its id, ``passes`` the most of a stream.

    Of a stream with many passes some are left out.
    """

    subject: str
    family: str
    quality: str
    passes: int
    parts: tuple[PartOfStream, ...]


Outcome = Literal["passed", "failed", "skipped"]


@dataclass(frozen=True)
class TestResult:
    """One test of a suite, about the cell or curve ``subject``; ``text`` is why it failed.

    ``seconds`` is how long it took, fixtures left out; None where that is not known.
    """

    __test__ = False  # no test class, for pytest

    id: str
    outcome: Outcome
    checks: tuple[str, ...]
    subject: str
    text: str = ""
    seconds: float | None = None

    @property
    def first_line(self) -> str:
        """Of its text, or its id where that has none; of a traceback, what was raised."""
        lines = [line for line in self.text.splitlines() if line.strip()]
        raised = (line.removeprefix("E").strip() for line in lines if line.startswith("E   "))
        return next(raised, lines[0] if lines else self.id)


@dataclass(frozen=True)
class TimeResult:
    """One benchmark: median and interquartile range of its rounds, in seconds of one batch."""

    name: str
    median: float
    iqr: float
    rounds: int
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Results:
    """All that one run found out; ``shard`` is there where it is one part of a run."""

    run: RunFacts
    families: Mapping[str, FamilyFacts]
    points: tuple[PointResult, ...] = ()
    curves: tuple[CurveResult, ...] = ()
    tests: tuple[TestResult, ...] = ()
    times: tuple[TimeResult, ...] = ()
    remarks: tuple[str, ...] = ()
    crops: tuple[Crop, ...] = ()
    complexity: tuple[ComplexityResult, ...] = ()
    memory: tuple[MemoryResult, ...] = ()
    progressive: tuple[ProgressiveResult, ...] = ()
    shard: ShardFacts | None = None

    @property
    def comparisons(self) -> list[Comparison]:
        """The verdicts on points and curves."""
        points = [point.comparison for point in self.points]
        return points + [curve.comparison for curve in self.curves]

    @property
    def failed(self) -> bool:
        """Whether the run failed, as pytest saw it."""
        return self.run.exit_status != 0

    @property
    def seconds(self) -> dict[str, float]:
        """Id of a cell or curve → what its tests took together, where that is known."""
        known = [test for test in self.tests if test.subject and test.seconds is not None]
        together = grouped((test.subject, test.seconds or 0.0) for test in known)
        return {subject: sum(seconds) for subject, seconds in together.items()}

    def count(self, verdict: Verdict) -> int:
        """How many points and curves got this verdict."""
        return sum(comparison.verdict is verdict for comparison in self.comparisons)
