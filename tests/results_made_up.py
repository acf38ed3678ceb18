"""Made-up results of a run, for tests of what is drawn from results."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
from measurements import image, measurement

from pytest_lic.comparison import DEFAULT_TOLERANCES, compare
from pytest_lic.crop import Crop, cut
from pytest_lic.measure import Measurement
from pytest_lic.published import DATASET_DIGESTS
from pytest_lic.results import FamilyFacts, PointResult, Results, RunFacts, TestResult

KODAK = DATASET_DIGESTS["kodak"]
QUALITIES = {"1": 0.001, "2": 0.002, "3": 0.005, "4": 0.01}


def facts(exit_status: int) -> RunFacts:
    """The circumstances of a run that ended so."""
    return RunFacts(
        created=datetime(2026, 11, 25, 20, 15, tzinfo=UTC),
        pytest_lic="0.1.0",
        exit_status=exit_status,
        command=("pytest", "-m", "rd"),
        commit="0123456789abcdef0123456789abcdef01234567",
        changed=False,
        strict=False,
        tolerances=DEFAULT_TOLERANCES,
    )


def crop(subject: str) -> Crop:
    """A crop of ``two.png``: a ramp that came back darker."""
    ramp = np.arange(48 * 64 * 3, dtype=np.uint32).reshape(48, 64, 3) % 200
    original = ramp.astype(np.uint8) + np.uint8(9)
    return cut(subject, "two.png", original, original - np.uint8(9))


def passing(digest: str = "d1") -> Results:
    """Four qualities of one codec, all as recorded."""
    return _results(dict.fromkeys(QUALITIES, 0.0), 0, digest)


def regressing() -> Results:
    """The same, but ``two.png`` lost 1 dB at quality 3."""
    found = _results({label: 1.0 if label == "3" else 0.0 for label in QUALITIES}, 1, "d1")
    return replace(found, crops=(crop(found.points[2].comparison.subject),))


def _results(losses: dict[str, float], exit_status: int, digest: str) -> Results:
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
    return Results(facts(exit_status), families, tuple(points), tests=tuple(tests))


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
