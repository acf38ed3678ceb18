"""Made-up results of runs, for tests of what is drawn from them and said of two of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from pytest_lic.baselines.comparison import compare
from pytest_lic.baselines.tolerances import DEFAULT_TOLERANCES
from pytest_lic.measuring.measure import Measurement
from pytest_lic.measuring.published import DATASET_DIGESTS
from pytest_lic.results.crop import Crop, cut
from pytest_lic.results.results import (
    FamilyFacts,
    PointResult,
    Results,
    RunFacts,
    TestResult,
    TimeResult,
)
from tests.helpers.measurements import image, measurement

KODAK = DATASET_DIGESTS["kodak"]
QUALITIES = {"1": 0.001, "2": 0.002, "3": 0.005, "4": 0.01}
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


def crop(subject: str, *, at_hand: bool = False) -> Crop:
    """A crop of ``two.png``: a ramp that came back darker than before, if that is ``at_hand``."""
    ramp = np.arange(48 * 64 * 3, dtype=np.uint32).reshape(48, 64, 3) % 200
    original = ramp.astype(np.uint8) + np.uint8(9)
    before = original - np.uint8(2) if at_hand else None
    return cut(subject, "two.png", original, original - np.uint8(9), before)


def passing(digest: str = "d1") -> Results:
    """Four qualities of one codec, all as recorded."""
    return _run(dict.fromkeys(QUALITIES, 0.0), 0, digest)


def regressing() -> Results:
    """The same, but ``two.png`` lost 1 dB at quality 3."""
    found = _run({label: 1.0 if label == "3" else 0.0 for label in QUALITIES}, 1, "d1")
    return replace(found, crops=(crop(found.points[2].comparison.subject),))


def _run(losses: dict[str, float], exit_status: int, digest: str) -> Results:
    points, tests = [], []
    for label, loss in losses.items():
        before, after = _measured(label, 0.0, digest), _measured(label, loss, digest)
        comparison = compare(after, before, DEFAULT_TOLERANCES)
        points.append(PointResult(comparison, after, before))
        failed = comparison.verdict.fails()
        tests.append(
            TestResult(
                f"test_rd.py::test_point[{comparison.subject}]",
                "failed" if failed else "passed",
                ("rd",),
                comparison.subject,
                "look closer: pytest -m rd" if failed else "",
            )
        )
    families = {"toy": FamilyFacts(QUALITIES, {"quantizer": "uniform"})}
    return Results(
        replace(RUN, exit_status=exit_status), families, tuple(points), tests=tuple(tests)
    )


def _measured(label: str, loss: float, digest: str) -> Measurement:
    place = int(label)
    images = {
        "one.png": image(size=1000 * place, psnr=33.0 + 2 * place, ms_ssim=0.9 + 0.02 * place),
        "two.png": image(
            size=1200 * place,
            psnr=31.0 + 2 * place - loss,
            ms_ssim=0.9 + 0.02 * place,
            bits="b" if loss else "a",
        ),
    }
    return measurement(images, quality=label, digest=digest, lmbda=QUALITIES[label])
