"""SSIMULACRA 2 by a command and by a package, which are told apart."""

from __future__ import annotations

import io
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pytest_lic.measuring.metrics import METRICS, metric_fingerprint, quality_metrics
from tests.helpers.pixels import noisy, random_image

METRIC = METRICS["ssimulacra2"]


def write_command(folder: Path, body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command ``ssimulacra2`` of that body, alone on the PATH besides what the body calls."""
    command = folder / "ssimulacra2"
    command.write_text(f"#!/bin/sh\n{body}\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


# As libjxl's command does: of two files a number, else how it is used, and no version.
LIKE_LIBJXL = """
if [ $# != 2 ]; then echo "Usage: $0 orig.png distorted.png" >&2; exit 1; fi
cmp -s "$1" "$2" && echo 100.00000000 || echo SCORE
"""


def test_by_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    ssimulacra2 = pytest.importorskip("ssimulacra2")
    monkeypatch.setenv("PATH", "")
    image = random_image(40, 50)
    changed = noisy(image, 5)
    files = []
    for pixels in (image, changed):
        files.append(io.BytesIO())
        Image.fromarray(pixels).save(files[-1], "PNG")
    expected = ssimulacra2.compute_ssimulacra2(*files)
    assert METRIC.compute(image, changed) == pytest.approx(expected, abs=1e-6)
    assert METRIC.variant == f"ssimulacra2 {metadata.version('ssimulacra2')}, approximate"
    assert METRIC.computed_by == METRIC.variant


def test_the_command_comes_first_and_its_numbers_are_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = metric_fingerprint([METRIC])
    write_command(tmp_path, LIKE_LIBJXL.replace("SCORE", "71.25312345"), monkeypatch)
    image = random_image(40, 50)
    assert quality_metrics(image, noisy(image, 5), [METRIC])[0] == {"ssimulacra2": 71.253123}
    assert METRIC.compute(image, image) == 100.0
    assert METRIC.variant == METRIC.computed_by == "libjxl's command, 71.3 for a made pair"
    assert metric_fingerprint([METRIC]) != before


def test_versions_of_the_command_are_told_apart_by_what_they_give(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    variants = set()
    for folder, score in (("old", "19.34"), ("new", "53.81"), ("another build", "53.80999")):
        (tmp_path / folder).mkdir()
        write_command(tmp_path / folder, LIKE_LIBJXL.replace("SCORE", score), monkeypatch)
        variants.add(METRIC.variant)
    assert variants == {f"libjxl's command, {score} for a made pair" for score in ("19.3", "53.8")}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("echo Could not load >&2; exit 1", "ended with status 1 and said 'Could not load'"),
        ("echo no number", "ended with status 0 and said 'no number'; expected a number"),
        ("exit 0", "ended with status 0 and said ''"),
    ],
)
def test_a_command_that_fails_is_a_reason(
    body: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_command(tmp_path, body, monkeypatch)
    image = np.zeros((20, 20, 3), np.uint8)
    assert said in quality_metrics(image, image, [METRIC])[1]["ssimulacra2"]
    assert METRIC.variant is None
