"""Metrics: right against cases done by hand and independent code; a reason where there is none."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import lpips
import numpy as np
import pytest
import torch
from pytorch_msssim import ms_ssim as reference_ms_ssim
from safetensors.torch import save_file
from torchvision.models import _api as torchvision_api

from pytest_lic.errors import UnknownNameError, WeightsError
from pytest_lic.images.corpus import load_corpus
from pytest_lic.measuring import lpips_distance
from pytest_lic.measuring.metrics import (
    METRICS,
    LPIPSOptions,
    average,
    metric_fingerprint,
    ms_ssim,
    psnr,
    quality_metrics,
    to_db,
)


def random_image(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def noisy(pixels: np.ndarray, strength: int, seed: int = 1) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(-strength, strength + 1, pixels.shape)
    return (pixels + noise).clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    return next(image.pixels for image in load_corpus("photos").images if "coffee" in image.name)


class TestMetrics:
    def test_have_unit_and_direction(self) -> None:
        told = {name: (metric.unit, metric.higher_is_better) for name, metric in METRICS.items()}
        assert told == {
            "bpp": ("bit/px", False),
            "psnr": ("dB", True),
            "ms_ssim": ("dB", True),
            "lpips": ("", False),
        }


class TestPSNR:
    def test_of_a_case_done_by_hand(self) -> None:
        black = np.zeros((2, 2, 3), np.uint8)
        one_off = black.copy()
        one_off[0, 0] = (3, 4, 0)  # MSE = (9 + 16) / 12
        assert psnr(black, one_off) == pytest.approx(10 * math.log10(65025 * 12 / 25), abs=1e-12)

    def test_of_opposites_is_zero(self) -> None:
        black = np.zeros((5, 7, 3), np.uint8)
        assert psnr(black, black + np.uint8(255)) == pytest.approx(0.0, abs=1e-12)
        assert psnr(black + np.uint8(255), black) == pytest.approx(0.0, abs=1e-12)

    def test_of_a_lossless_result_is_unavailable(self) -> None:
        image = random_image(4, 4)
        assert math.isinf(psnr(image, image))
        values, unavailable = quality_metrics(image, image, ["psnr"])
        assert values == {}
        assert unavailable == {"psnr": "lossless: PSNR is infinite"}

    def test_of_different_shapes_is_an_error(self) -> None:
        with pytest.raises(ValueError, match=r"\(4, 4, 3\) and \(4, 5, 3\)"):
            psnr(random_image(4, 4), random_image(4, 5))


class TestMSSSIM:
    @pytest.mark.parametrize("size", [(161, 161), (162, 177), (240, 321), (400, 600), (191, 600)])
    @pytest.mark.parametrize("strength", [1, 8, 60])
    def test_agrees_with_pytorch_msssim(
        self, photo: np.ndarray, size: tuple[int, int], strength: int
    ) -> None:
        original = photo[: size[0], : size[1]]
        changed = noisy(original, strength)
        # In double precision: in single precision its own rounding reaches 1e-4.
        tensors = (
            torch.from_numpy(pixels.transpose(2, 0, 1)[None].astype(np.float64))
            for pixels in (original, changed)
        )
        window = torch.exp(-((torch.arange(11, dtype=torch.float64) - 5) ** 2) / 4.5)
        window = (window / window.sum()).repeat(3, 1, 1, 1)
        expected = reference_ms_ssim(*tensors, data_range=255, win=window).item()
        assert ms_ssim(original, changed) == pytest.approx(expected, abs=1e-6)

    @pytest.mark.parametrize("levels", [(10, 12), (255, 250), (128, 129)])
    def test_of_flat_images_is_their_luminance_term(self, levels: tuple[int, int]) -> None:
        # Flat images have no contrast to differ in; 176 halves evenly down to the fifth scale.
        a, b = levels
        flat = [np.full((176, 176, 3), level, np.uint8) for level in levels]
        luminance = (2 * a * b + 6.5025) / (a * a + b * b + 6.5025)
        assert ms_ssim(*flat) == pytest.approx(luminance**0.1333, abs=2e-7)

    def test_of_equal_images_is_exactly_one_and_infinite_in_db(self, photo: np.ndarray) -> None:
        assert ms_ssim(photo, photo) == 1.0
        assert to_db(ms_ssim(photo, photo)) is None

    def test_of_one_changed_sample_is_less_than_one(self, photo: np.ndarray) -> None:
        changed = photo.copy()
        changed[200, 300, 1] ^= 1
        assert 1 - 1e-6 < ms_ssim(photo, changed) < 1

    def test_of_a_negative_is_zero_rather_than_not_a_number(self, photo: np.ndarray) -> None:
        assert ms_ssim(photo, 255 - photo) == pytest.approx(0.0, abs=0.05)

    def test_needs_161_pixels_a_side(self) -> None:
        for size, is_there in (((160, 400), False), ((400, 160), False), ((161, 161), True)):
            image = random_image(*size)
            values, unavailable = quality_metrics(image, noisy(image, 9), ["ms_ssim"])
            assert ("ms_ssim" in values, "ms_ssim" in unavailable) == (is_there, not is_there)
        image = random_image(400, 160)
        assert quality_metrics(image, image, ["ms_ssim"])[1] == {
            "ms_ssim": "image of 160×400 pixels; MS-SSIM needs 161 on each side"
        }

    def test_reads_read_only_and_strided_pixels(self, photo: np.ndarray) -> None:
        assert not photo.flags.writeable
        assert ms_ssim(photo[:, ::-1], photo[:, ::-1]) == 1.0

    def test_in_db(self) -> None:
        assert to_db(0.9) == pytest.approx(10.0)
        assert to_db(0.0) == 0.0
        assert to_db(1.0) is None


class TestAverage:
    def test_is_over_linear_ms_ssim(self) -> None:
        assert to_db(average("ms_ssim", [0.9, 0.99])) == pytest.approx(-10 * math.log10(0.055))

    def test_is_over_psnr_in_db(self) -> None:
        assert average("psnr", [30.0, 40.0]) == 35.0

    def test_is_over_bpp_of_each_image_whatever_its_size(self) -> None:
        assert average("bpp", [0.5, 1.0, 1.5]) == 1.0

    def test_does_not_depend_on_the_order(self) -> None:
        values = list(np.random.default_rng(0).random(1000))
        assert average("bpp", values) == average("bpp", sorted(values))

    def test_of_nothing_or_of_no_metric_is_an_error(self) -> None:
        with pytest.raises(ValueError, match="no values of bpp"):
            average("bpp", [])
        with pytest.raises(UnknownNameError, match="did you mean psnr"):
            average("psn", [1.0])


def random_backbone(net: str, seed: int = 0) -> tuple[torch.nn.Module, dict[str, torch.Tensor]]:
    """LPIPS over seeded random features, and these features named as torchvision names them."""
    with torch.random.fork_rng(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(seed)
        network = lpips.LPIPS(net=net, pnet_rand=True, verbose=False)
    state = network.net.state_dict()
    return network, {f"features.{name.split('.', 1)[1]}": state[name] for name in state}


@pytest.fixture(autouse=True)
def fresh_networks() -> Iterator[None]:
    lpips_distance._network.cache_clear()
    yield
    lpips_distance._network.cache_clear()


@pytest.fixture
def no_download(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """Every attempt to download, which fails as it does on a machine without internet."""
    attempts: list[dict[str, object]] = []

    def fail(url: str, **options: object) -> None:
        attempts.append({"url": url, **options})
        raise OSError("Network is unreachable")

    monkeypatch.setattr(torchvision_api, "load_state_dict_from_url", fail)
    return attempts


class TestLPIPS:
    """The backbones here are random: the arithmetic is LPIPS's, the numbers mean nothing."""

    @pytest.mark.parametrize("net", ["alex", "squeeze"])
    def test_is_what_the_package_computes(self, tmp_path: Path, net: str) -> None:
        network, parameters = random_backbone(net)
        parameters["classifier.6.bias"] = torch.zeros(1000)  # a whole network's file has more
        save_file(parameters, tmp_path / "random.safetensors")
        original = random_image(40, 56)
        changed = noisy(original, 30)
        first, second = (
            torch.from_numpy(pixels).permute(2, 0, 1)[None] / 255 for pixels in (original, changed)
        )
        expected = network(first, second, normalize=True).item()
        options = LPIPSOptions(net, tmp_path / "random.safetensors")
        values, unavailable = quality_metrics(original, changed, ["lpips"], options)
        assert unavailable == {}
        assert values["lpips"] == pytest.approx(expected, rel=1e-4)
        assert quality_metrics(original, original, ["lpips"], options)[0] == {"lpips": 0.0}

    def test_without_weights_is_unavailable_and_downloads_nothing(
        self, no_download: list[dict[str, object]]
    ) -> None:
        image = random_image(40, 40)
        for options in (None, LPIPSOptions()):
            _, unavailable = quality_metrics(image, image, ["lpips"], options)
            assert unavailable["lpips"].startswith("no weights for vgg: give --lic-lpips-weights")
        assert no_download == []

    def test_downloads_when_asked_and_fails_once_only(
        self, no_download: list[dict[str, object]]
    ) -> None:
        image = random_image(40, 40)
        for _ in range(2):
            options = LPIPSOptions("alex", download=True)
            _, unavailable = quality_metrics(image, image, ["lpips"], options)
            assert "can't be fetched: Network is unreachable" in unavailable["lpips"]
        (attempt,) = no_download
        assert attempt["weights_only"] is True
        assert attempt["check_hash"] is True

    def test_uses_what_was_downloaded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        parameters = random_backbone("squeeze")[1]
        monkeypatch.setattr(
            torchvision_api, "load_state_dict_from_url", lambda *args, **options: parameters
        )
        image = random_image(40, 40)
        options = LPIPSOptions("squeeze", download=True)
        assert quality_metrics(image, noisy(image, 9), ["lpips"], options)[0]["lpips"] > 0

    @pytest.mark.parametrize(("net", "least"), [("alex", 31), ("squeeze", 17)])
    def test_of_small_images_is_unavailable(self, tmp_path: Path, net: str, least: int) -> None:
        save_file(random_backbone(net)[1], tmp_path / "random.safetensors")
        options = LPIPSOptions(net, tmp_path / "random.safetensors")
        fits, small = random_image(least, least), random_image(50, least - 1)
        assert quality_metrics(fits, fits, ["lpips"], options)[0] == {"lpips": 0.0}
        assert quality_metrics(small, small, ["lpips"], options)[1] == {
            "lpips": f"image of {least - 1}×50 pixels; LPIPS with {net} needs {least} on each side"
        }

    def test_is_quiet_and_leaves_the_random_state_alone(
        self, tmp_path: Path, capfd: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder
    ) -> None:
        save_file(random_backbone("squeeze")[1], tmp_path / "random.safetensors")
        recwarn.clear()
        capfd.readouterr()
        torch.manual_seed(3)
        expected = torch.rand(4)
        torch.manual_seed(3)
        image = random_image(40, 40)
        options = LPIPSOptions("squeeze", tmp_path / "random.safetensors")
        quality_metrics(image, image, ["lpips"], options)
        assert torch.equal(torch.rand(4), expected)
        assert capfd.readouterr() == ("", "")
        assert not recwarn.list

    def test_weights_are_refused_with_one_clear_error(self, tmp_path: Path) -> None:
        image = random_image(40, 40)
        parameters = random_backbone("squeeze")[1]
        torch.save(parameters, tmp_path / "pickle.safetensors")
        (tmp_path / "damaged.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0not json")
        save_file(parameters, tmp_path / "other.safetensors")
        messages = {
            "pickle.safetensors": "a pickle, which could run code and is never loaded; convert",
            "damaged.safetensors": "damaged, or no safetensors file",
            "missing.safetensors": "can't be read",
            "other.safetensors": r"of shape \(64, 3, 3, 3\), expected \(64, 3, 11, 11\).*alexnet",
        }
        for name, message in messages.items():
            with pytest.raises(WeightsError, match=rf"{name}: .*{message}"):
                quality_metrics(image, image, ["lpips"], LPIPSOptions("alex", tmp_path / name))

    def test_of_an_unknown_network_names_the_known(self) -> None:
        with pytest.raises(UnknownNameError, match=r"--lic-lpips-net: .*'vgg19'; did you mean vgg"):
            LPIPSOptions("vgg19")


class TestQualityMetrics:
    def test_give_each_name_a_value_or_a_reason(self, photo: np.ndarray) -> None:
        names = ["bpp", "psnr", "ms_ssim", "lpips"]
        values, unavailable = quality_metrics(photo, noisy(photo, 5), names)
        assert set(values) == {"psnr", "ms_ssim"}
        assert set(unavailable) == {"lpips"}

    def test_of_an_unknown_name_is_an_error(self, photo: np.ndarray) -> None:
        with pytest.raises(UnknownNameError, match="did you mean ms_ssim"):
            quality_metrics(photo, photo, ["msssim"])


class TestFingerprint:
    def test_does_not_depend_on_order(self) -> None:
        assert metric_fingerprint(["psnr", "bpp"]) == metric_fingerprint(["bpp", "psnr", "bpp"])

    def test_changes_with_every_choice(self, tmp_path: Path) -> None:
        paths = [tmp_path / "0.safetensors", tmp_path / "1.safetensors"]
        for seed, path in enumerate(paths):
            save_file(random_backbone("squeeze", seed)[1], path)
        choices = [
            None,
            LPIPSOptions("alex"),
            LPIPSOptions(download=True),
            *(LPIPSOptions("squeeze", path) for path in paths),
        ]
        texts = {metric_fingerprint(["psnr", "lpips"], choice) for choice in choices}
        texts.add(metric_fingerprint(["psnr"]))
        assert len(texts) == len(choices) + 1

    def test_follows_the_weights_not_their_path(self, tmp_path: Path) -> None:
        for name in ("a", "b"):
            save_file({"weight": torch.zeros(3)}, tmp_path / f"{name}.safetensors")
        texts = {
            metric_fingerprint(["lpips"], LPIPSOptions(weights=tmp_path / f"{name}.safetensors"))
            for name in ("a", "b")
        }
        assert len(texts) == 1
        save_file({"weight": torch.ones(3)}, tmp_path / "a.safetensors")
        os.utime(tmp_path / "a.safetensors", (1, 1))  # the file system's clock is too coarse
        options = LPIPSOptions(weights=tmp_path / "a.safetensors")
        assert metric_fingerprint(["lpips"], options) not in texts

    def test_refuses_a_pickle_before_anything_is_measured(self, tmp_path: Path) -> None:
        torch.save({}, tmp_path / "vgg16.pth")
        with pytest.raises(WeightsError, match=r"vgg16\.pth: a pickle"):
            metric_fingerprint(["lpips"], LPIPSOptions(weights=tmp_path / "vgg16.pth"))
