"""VMAF where ffmpeg is another, or fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_lic.measuring.metrics import METRICS, metric_fingerprint, quality_metrics
from pytest_lic.measuring.metrics.trial import made_image

METRIC = METRICS["vmaf"]

pytest.importorskip("imageio_ffmpeg", reason="the extra vmaf is not installed")


@pytest.fixture
def other_ffmpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program that the user's variable names in place of the package's."""
    program = tmp_path / "ffmpeg"
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(program))
    return program


def write(program: Path, body: str) -> None:
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)


def test_numbers_of_another_ffmpeg_are_others(other_ffmpeg: Path) -> None:
    write(other_ffmpeg, "echo ffmpeg version 7.1-mine Copyright")
    assert METRIC.variant == "ffmpeg 7.1-mine"
    assert "ffmpeg 7.1-mine" in metric_fingerprint([METRIC])


def test_an_ffmpeg_without_libvmaf_is_a_reason_with_its_words(other_ffmpeg: Path) -> None:
    write(other_ffmpeg, "echo \"No such filter: 'libvmaf'\" >&2; exit 8")
    image = made_image(40, 40)
    (reason,) = quality_metrics(image, image, [METRIC])[1].values()
    assert (
        reason == f"{other_ffmpeg} ended with status 8; its last words: No such filter: 'libvmaf'"
    )


def test_an_ffmpeg_that_is_not_there_is_a_reason(other_ffmpeg: Path) -> None:
    image = made_image(40, 40)
    (reason,) = quality_metrics(image, image, [METRIC])[1].values()
    assert str(other_ffmpeg) in reason
    assert "No such file" in reason
    assert METRIC.variant is None


@pytest.mark.parametrize(("told", "value"), [(-3.0, 0.0), (104.2, 100.0), (55.5, 55.5)])
def test_is_held_to_0_to_100(other_ffmpeg: Path, told: float, value: float) -> None:
    log = f'{{"frames": [{{"metrics": {{"vmaf": {told}}}}}]}}'
    write(other_ffmpeg, f"echo '{log}' > vmaf.json")
    image = made_image(40, 40)
    assert METRIC.compute(image, image) == value
