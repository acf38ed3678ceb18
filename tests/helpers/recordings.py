"""A repository whose commits record made-up baselines, each a share above the first in rate."""

from __future__ import annotations

from pathlib import Path

from pytest_lic.baselines import entries
from pytest_lic.measuring.measure import Measurement
from tests.helpers.ab_project import AbProject
from tests.helpers.measurements import image, measurement

POINTS = {
    "1": (400_000, 30.0),
    "2": (800_000, 33.0),
    "3": (1_600_000, 36.0),
    "4": (3_200_000, 39.0),
}


def curve(percent: float, family: str = "toy", corpus: str = "photos") -> list[Measurement]:
    """A curve of four points, so many percent above `POINTS` in rate."""
    return [
        measurement(
            {"one.png": image(side=1000, size=round(size * (1 + percent / 100)), psnr=psnr)},
            family=family,
            quality=quality,
            corpus=corpus,
            digest=f"digest of {corpus}",
        )
        for quality, (size, psnr) in POINTS.items()
    ]


def record(
    repository: AbProject,
    percent: float,
    subject: str,
    family: str = "toy",
    folder: str = "baselines",
) -> str:
    """Commit a recording of a family; the commit."""
    entries.save(Path(repository.path / folder), family, {}, curve(percent, family))
    return commit(repository, subject)


def commit(repository: AbProject, subject: str) -> str:
    """Commit all that lies there; the commit."""
    repository.git("add", "--all")
    repository.git("commit", "--quiet", "--allow-empty", "--message", subject)
    return repository.git("rev-parse", "HEAD")
