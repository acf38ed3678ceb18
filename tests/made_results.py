"""Made-up results of runs, for tests of what is drawn from them and said of two of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from measurements import image, measurement

from pytest_lic.comparison import DEFAULT_TOLERANCES, compare
from pytest_lic.measure import Measurement
from pytest_lic.results import FamilyFacts, PointResult, Results, RunFacts, TestResult, TimeResult

RUN = RunFacts(
    created=datetime(2026, 3, 1, 12, 0, tzinfo=UTC),
    pytest_lic="0.1.0",
    exit_status=0,
    command=("pytest", "-m", "rd"),
    commit="0123456789abcdef0123456789abcdef01234567",
    changed=False,
    strict=False,
    tolerances=DEFAULT_TOLERANCES,
)


def curve_points(
    family: str = "toy",
    *,
    worse: Mapping[str, float] | None = None,
    digest: str = "d1",
    names: Sequence[str] = ("one.png", "two.png"),
) -> list[Measurement]:
    """Four qualities of a family; ``worse`` maps a quality to dB that its second image loses."""
    lost = worse or {}
    points = []
    for index, quality in enumerate("1234"):
        size, psnr = 4000 * 2**index, 28.0 + 4 * index
        images = {name: image(size=size, psnr=psnr) for name in names}
        if quality in lost:
            images[names[1]] = image(size=size, psnr=psnr - lost[quality], bits="b")
        points.append(measurement(images, family=family, quality=quality, digest=digest))
    return points


def results(
    measured: Sequence[Measurement],
    baseline: Sequence[Measurement] = (),
    *,
    tests: Sequence[TestResult] = (),
    times: Sequence[TimeResult] = (),
    exit_status: int = 0,
    strict: bool = False,
) -> Results:
    """A run that measured these points against a baseline, or against themselves."""
    pairs = zip(measured, baseline or measured, strict=True)
    points = [PointResult(compare(new, old, DEFAULT_TOLERANCES), new, old) for new, old in pairs]
    names = dict.fromkeys(point.cell.family for point in measured)
    qualities = dict.fromkeys("1234")
    return Results(
        replace(RUN, exit_status=exit_status, strict=strict),
        {name: FamilyFacts(qualities, {"quantizer": "uniform"}) for name in names},
        points=tuple(points),
        tests=tuple(tests),
        times=tuple(times),
    )
