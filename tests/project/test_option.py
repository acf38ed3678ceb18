"""What the text of an option is read as: a group of metrics by its name."""

from __future__ import annotations

import json
from importlib import metadata

import pytest

from tests.helpers.toy_project import Project, write_photographs

# Here, before pytester looks at sys.modules: piq imports what can't be imported twice.
pytest.importorskip("piq", reason="the extra perceptual is not installed")
pytest.importorskip("imageio_ffmpeg", reason="the extra vmaf is not installed")

SEVEN = ("ms_ssim_y", "vif", "fsim", "nlpd", "iw_ssim", "vmaf", "psnr_hvs")


def of_one_image(project: Project, *more: str) -> tuple[str, ...]:
    """A run of one cell of one image that is large enough for all seven."""
    corpus = project.path / "large"
    if not corpus.exists():
        write_photographs(corpus, count=1)
    chosen = ("--lic-metrics", "jpeg-ai", "--lic-quality", "3", f"--lic-corpus={corpus}")
    return "-m", "rd", *chosen, *more


def test_jpeg_ai_stands_for_its_seven_metrics(small: Project) -> None:
    run = small.run(*of_one_image(small, "--lic-update", "--lic-require", "jpeg-ai"))
    run.assert_outcomes(passed=1, skipped=1)
    (entry,) = json.loads(small.baseline.read_text())["entries"]
    (image,) = entry["images"].values()
    assert image["metrics"].keys() == set(SEVEN)
    assert entry["mean"].keys() >= {*SEVEN, "psnr"}
    assert entry["variants"]["vif"].startswith("piq ")
    assert entry["variants"]["vmaf"].startswith("ffmpeg ")
    small.run(*of_one_image(small)).assert_outcomes(passed=1, skipped=1)


def test_numbers_of_another_version_are_not_compared(small: Project) -> None:
    only = of_one_image(small, "--lic-metrics", "vif")
    only = tuple(word.replace("jpeg-ai", "psnr") for word in only)
    small.run(*only, "--lic-update").assert_outcomes(passed=1, skipped=1)
    text = small.baseline.read_text()
    stored = json.loads(text)["entries"][0]["variants"]["vif"]
    # Far worse than recorded, by another program.
    value = json.loads(text)["entries"][0]["mean"]["vif"]
    small.baseline.write_text(
        text.replace(stored, "piq 0.1").replace(f'"vif": {value}', '"vif": 9')
    )
    run = small.run(*only)
    run.assert_outcomes(passed=1, skipped=1)
    run.stdout.fnmatch_lines([f"*vif is of {stored}, the baseline's of piq 0.1: not compared*"])


def test_what_is_missing_of_the_seven_is_named(
    small: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = metadata.version

    def without_piq(name: str) -> str:
        if name == "piq":
            raise metadata.PackageNotFoundError(name)
        return installed(name)

    monkeypatch.setattr(metadata, "version", without_piq)
    run = small.run(*of_one_image(small, "--lic-update", "--lic-require", "jpeg-ai"))
    run.assert_outcomes(failed=1, skipped=1)
    run.stdout.fnmatch_lines(
        [
            "toy-q3-*: vif, fsim, iw_ssim are required, but unavailable: photo0.png: piq is not "
            "installed: pip install 'pytest-lic?perceptual?'"
        ]
    )


def test_an_unknown_group_is_one_line(small: Project) -> None:
    run = small.run("-m", "rd", "--lic-metrics", "jpeg_ai")
    assert run.ret != 0
    run.stderr.fnmatch_lines(
        ["*--lic-metrics: no metric is named 'jpeg_ai'; did you mean jpeg-ai*"]
    )
