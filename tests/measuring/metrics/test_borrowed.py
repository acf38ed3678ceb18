"""Every metric beside its library, on what is easy to tell, and where it can't be computed."""

from __future__ import annotations

import importlib
import json
import subprocess
import warnings
from collections.abc import Callable
from importlib import metadata
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pytest_lic.errors import UnavailableError
from pytest_lic.images.corpus import load_corpus
from pytest_lic.measuring.metrics import BUILT_IN, METRICS, metric_fingerprint, quality_metrics
from pytest_lic.measuring.metrics.borrowed import BorrowedMetric
from pytest_lic.measuring.metrics.trial import made_image
from pytest_lic.measuring.metrics.ycbcr import luma, rgb
from tests.helpers.pixels import noisy, random_image

BORROWED = [
    metric.name
    for metric in BUILT_IN
    if isinstance(metric, BorrowedMetric) and not metric.backbones
]
"""Without those that look through a network, whose weights not all machines have."""
OF_PIQ = [name for name in BORROWED if METRICS[name].implementation == "piq"]
OF_PIXELS = [metric.name for metric in BUILT_IN if metric.of_pixels and not metric.backbones]


def available(name: str) -> Any:
    """The metric; skips with the reason where what it needs is not installed."""
    metric = METRICS[name]
    if isinstance(metric, BorrowedMetric):
        try:
            metric.package()
        except UnavailableError as reason:
            pytest.skip(str(reason))
    return metric


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    whole = next(image.pixels for image in load_corpus("photos").images if "coffee" in image.name)
    return np.ascontiguousarray(whole[:200, :230])


# Against the library called directly


def tensor(planes: np.ndarray, kind: type[np.floating[Any]]) -> torch.Tensor:
    channels = planes[None] if planes.ndim == 2 else planes.transpose(2, 0, 1)
    return torch.from_numpy(np.ascontiguousarray(channels, kind))[None]


def piq_directly(
    function: str,
    taken: Callable[[np.ndarray], np.ndarray],
    kind: type[np.floating[Any]] = np.float32,
) -> Any:
    def compute(original: np.ndarray, changed: np.ndarray, tmp_path: Path) -> float:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compared = getattr(importlib.import_module("piq"), function)
            images = [tensor(taken(pixels), kind) for pixels in (changed, original)]
            return float(compared(*images, data_range=1.0))

    return compute


def of_8_bits(pixels: np.ndarray) -> np.ndarray:
    return pixels / 255


def flip_directly(original: np.ndarray, changed: np.ndarray, tmp_path: Path) -> float:
    flip = importlib.import_module("flip_evaluator")
    images = [(pixels / 255).astype(np.float32) for pixels in (original, changed)]
    errors, _, _ = flip.evaluate(*images, "LDR", applyMagma=False, computeMeanError=False)
    return float(errors.mean(dtype=np.float64))


def cvvdp_directly(original: np.ndarray, changed: np.ndarray, tmp_path: Path) -> float:
    cvvdp = importlib.import_module("pycvvdp").cvvdp(display_name="standard_4k")
    return float(cvvdp.predict(changed, original, dim_order="HWC")[0])


def vmaf_directly(original: np.ndarray, changed: np.ndarray, tmp_path: Path) -> float:
    """Of Y4M files, which name their own format, in 4:2:0."""
    for name, pixels in (("original", original), ("changed", changed)):
        height, width = pixels.shape[:2]
        y = np.rint(luma(pixels) * 1023).astype("<u2").tobytes()
        grey = np.full(2 * ((height + 1) // 2) * ((width + 1) // 2), 512, "<u2").tobytes()
        head = f"YUV4MPEG2 W{width} H{height} F25:1 Ip C420p10 XYSCSS=420P10\nFRAME\n"
        (tmp_path / f"{name}.y4m").write_bytes(head.encode() + y + grey)
    program = importlib.import_module("imageio_ffmpeg").get_ffmpeg_exe()
    command = [program, "-v", "error", "-i", "changed.y4m", "-i", "original.y4m", "-lavfi"]
    command += ["libvmaf=log_path=log.json:log_fmt=json", "-f", "null", "-"]
    subprocess.run(command, cwd=tmp_path, check=True, stdin=subprocess.DEVNULL)
    return float(json.loads((tmp_path / "log.json").read_text())["pooled_metrics"]["vmaf"]["mean"])


DIRECTLY = {
    "vif": piq_directly("vif_p", luma),
    "fsim": piq_directly("fsim", rgb),
    "iw_ssim": piq_directly("information_weighted_ssim", luma),
    "gmsd": piq_directly("gmsd", of_8_bits),
    "mdsi": piq_directly("mdsi", of_8_bits),
    "haarpsi": piq_directly("haarpsi", of_8_bits, np.float64),
    "vsi": piq_directly("vsi", of_8_bits),
    "flip": flip_directly,
    "cvvdp": cvvdp_directly,
    "vmaf": vmaf_directly,
}


def test_each_borrowed_metric_is_compared_with_its_library() -> None:
    assert {*DIRECTLY, "ssimulacra2"} == set(BORROWED)


@pytest.mark.parametrize("name", DIRECTLY)
def test_is_what_its_library_gives(name: str, photo: np.ndarray, tmp_path: Path) -> None:
    metric = available(name)
    changed = noisy(photo, 20)
    expected = DIRECTLY[name](photo, changed, tmp_path)
    assert metric.compute(photo, changed) == pytest.approx(expected, abs=1e-6)


# What is easy to tell


@pytest.mark.parametrize("name", OF_PIXELS)
def test_of_equal_images_is_its_best(name: str, photo: np.ndarray) -> None:
    metric = available(name)
    values, unavailable = quality_metrics(photo, photo, [metric])
    if metric.lossless is not None:  # in dB there is no number
        assert "lossless" in unavailable[name]
    else:
        assert values[name] == pytest.approx(metric.best, abs=0.003 if name == "vmaf" else 0)


@pytest.mark.parametrize("name", OF_PIXELS)
def test_more_noise_is_worse(name: str, photo: np.ndarray) -> None:
    metric = available(name)
    values = [metric.compute(photo, noisy(photo, strength)) for strength in (2, 8, 24, 60)]
    worse = [metric.worse_by(one, other) for one, other in pairwise(values)]
    assert min(worse) > metric.tolerance[1]
    if metric.best is not None:
        assert metric.worse_by(metric.best, values[0]) > 0


@pytest.mark.parametrize("name", OF_PIXELS)
def test_images_of_two_shapes_are_an_error(name: str) -> None:
    metric = available(name)
    with pytest.raises(ValueError, match=r"\(200, 200, [13]\) and \(200, 210, [13]\)"):
        metric.compute(random_image(200, 200), random_image(200, 210))


@pytest.mark.parametrize("name", BORROWED)
def test_is_the_same_again_and_leaves_the_pixels_alone(name: str, photo: np.ndarray) -> None:
    metric = available(name)
    original, changed = photo.copy(), noisy(photo, 9)
    before = original.copy(), changed.copy()
    values = {metric.compute(original, changed) for _ in range(2)}
    assert len(values) == 1
    assert all(map(np.array_equal, before, (original, changed)))


# Where it can't be computed


@pytest.mark.parametrize("name", BORROWED)
def test_of_small_images_is_unavailable(name: str) -> None:
    metric = available(name)
    least = metric.smallest_side
    fits = made_image(least, least + 3), made_image(least, least + 3, 5)
    assert quality_metrics(*fits, [metric])[1] == {}
    if least > 1:
        small = made_image(least + 3, least - 1)
        assert quality_metrics(small, small, [metric])[1] == {
            name: f"image of {least - 1}×{least + 3} pixels; {metric.label} needs {least} on each "
            "side"
        }


@pytest.mark.parametrize("name", BORROWED)
def test_of_flat_images_is_a_number_or_a_reason(name: str) -> None:
    metric = available(name)
    for level in (0, 128):
        flat = np.full((200, 200, 3), level, np.uint8)
        for changed in (flat, noisy(flat, 5)):
            values, unavailable = quality_metrics(flat, changed, [metric])
            assert name in values or "without structure" in unavailable[name]


@pytest.mark.parametrize("name", BORROWED)
def test_without_its_package_says_what_to_install(
    name: str, photo: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    metric = METRICS[name]

    def missing(distribution: str) -> str:
        raise metadata.PackageNotFoundError(distribution)

    monkeypatch.setattr(metadata, "version", missing)
    monkeypatch.setenv("PATH", "")
    extra = metric.extra
    assert quality_metrics(photo, photo, [metric])[1] == {
        name: f"{metric.implementation} is not installed: pip install 'pytest-lic[{extra}]'"
    }
    assert metric.variant is None
    assert metric.computed_by == f"{metric.implementation} not installed"
    assert f"pip install 'pytest-lic[{extra}]'" in metric.needs


@pytest.mark.parametrize("name", OF_PIQ)
def test_numbers_of_another_version_are_others(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    metric = METRICS[name]
    facts = set()
    for version in ("0.8.0", "0.9.0"):
        monkeypatch.setattr(metadata, "version", lambda _, version=version: version)
        assert metric.variant == f"piq {version}"
        facts.add(metric_fingerprint([metric]))
    assert len(facts) == 2
