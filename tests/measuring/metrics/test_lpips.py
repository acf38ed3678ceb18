"""LPIPS against the package lpips; its weights, and when there are none."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import lpips
import pytest
import torch
from safetensors.torch import save_file
from torchvision.models import _api as torchvision_api

from pytest_lic.errors import UnknownNameError, WeightsError
from pytest_lic.measuring.metrics import METRICS, metric_fingerprint, quality_metrics
from pytest_lic.measuring.metrics import lpips as lpips_metric
from pytest_lic.measuring.metrics.lpips import LPIPS
from tests.helpers.pixels import noisy, random_image


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
    lpips_metric._network.cache_clear()
    yield
    lpips_metric._network.cache_clear()


@pytest.fixture
def no_download(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """Every attempt to download, which fails as it does on a machine without internet."""
    attempts: list[dict[str, object]] = []

    def fail(url: str, **options: object) -> None:
        attempts.append({"url": url, **options})
        raise OSError("Network is unreachable")

    monkeypatch.setattr(torchvision_api, "load_state_dict_from_url", fail)
    return attempts


"""The backbones here are random: the arithmetic is LPIPS's, the numbers mean nothing."""


@pytest.mark.parametrize("net", ["alex", "squeeze"])
def test_is_what_the_package_computes(tmp_path: Path, net: str) -> None:
    network, parameters = random_backbone(net)
    parameters["classifier.6.bias"] = torch.zeros(1000)  # a whole network's file has more
    save_file(parameters, tmp_path / "random.safetensors")
    original = random_image(40, 56)
    changed = noisy(original, 30)
    first, second = (
        torch.from_numpy(pixels).permute(2, 0, 1)[None] / 255 for pixels in (original, changed)
    )
    expected = network(first, second, normalize=True).item()
    metric = LPIPS(net, tmp_path / "random.safetensors")
    values, unavailable = quality_metrics(original, changed, [metric])
    assert unavailable == {}
    assert values["lpips"] == pytest.approx(expected, rel=1e-4)
    assert quality_metrics(original, original, [metric])[0] == {"lpips": 0.0}


def test_without_weights_is_unavailable_and_downloads_nothing(
    no_download: list[dict[str, object]],
) -> None:
    image = random_image(40, 40)
    for metric in (METRICS["lpips"], LPIPS()):
        _, unavailable = quality_metrics(image, image, [metric])
        assert unavailable["lpips"].startswith("no weights for vgg: give --lic-lpips-weights")
    assert no_download == []


def test_downloads_when_asked_and_fails_once_only(no_download: list[dict[str, object]]) -> None:
    image = random_image(40, 40)
    for _ in range(2):
        metric = LPIPS("alex", download=True)
        _, unavailable = quality_metrics(image, image, [metric])
        assert "can't be fetched: Network is unreachable" in unavailable["lpips"]
    (attempt,) = no_download
    assert attempt["weights_only"] is True
    assert attempt["check_hash"] is True


def test_uses_what_was_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    parameters = random_backbone("squeeze")[1]
    monkeypatch.setattr(
        torchvision_api, "load_state_dict_from_url", lambda *args, **options: parameters
    )
    image = random_image(40, 40)
    metric = LPIPS("squeeze", download=True)
    assert quality_metrics(image, noisy(image, 9), [metric])[0]["lpips"] > 0


@pytest.mark.parametrize(("net", "least"), [("alex", 31), ("squeeze", 17)])
def test_of_small_images_is_unavailable(tmp_path: Path, net: str, least: int) -> None:
    save_file(random_backbone(net)[1], tmp_path / "random.safetensors")
    metric = LPIPS(net, tmp_path / "random.safetensors")
    fits, small = random_image(least, least), random_image(50, least - 1)
    assert quality_metrics(fits, fits, [metric])[0] == {"lpips": 0.0}
    assert quality_metrics(small, small, [metric])[1] == {
        "lpips": f"image of {least - 1}×50 pixels; LPIPS with {net} needs {least} on each side"
    }


def test_is_quiet_and_leaves_the_random_state_alone(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder
) -> None:
    save_file(random_backbone("squeeze")[1], tmp_path / "random.safetensors")
    recwarn.clear()
    capfd.readouterr()
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    image = random_image(40, 40)
    metric = LPIPS("squeeze", tmp_path / "random.safetensors")
    quality_metrics(image, image, [metric])
    assert torch.equal(torch.rand(4), expected)
    assert capfd.readouterr() == ("", "")
    assert not recwarn.list


def test_weights_are_refused_with_one_clear_error(tmp_path: Path) -> None:
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
            quality_metrics(image, image, [LPIPS("alex", tmp_path / name)])


def test_of_an_unknown_network_names_the_known() -> None:
    with pytest.raises(UnknownNameError, match=r"--lic-lpips-net: .*'vgg19'; did you mean vgg"):
        LPIPS("vgg19")


# Fingerprints


def test_changes_with_every_choice(tmp_path: Path) -> None:
    paths = [tmp_path / "0.safetensors", tmp_path / "1.safetensors"]
    for seed, path in enumerate(paths):
        save_file(random_backbone("squeeze", seed)[1], path)
    choices = [
        LPIPS(),
        LPIPS("alex"),
        LPIPS(download=True),
        *(LPIPS("squeeze", path) for path in paths),
    ]
    texts = {metric_fingerprint([METRICS["psnr"], choice]) for choice in choices}
    texts.add(metric_fingerprint([METRICS["psnr"]]))
    assert len(texts) == len(choices) + 1


def test_follows_the_weights_not_their_path(tmp_path: Path) -> None:
    for name in ("a", "b"):
        save_file({"weight": torch.zeros(3)}, tmp_path / f"{name}.safetensors")
    texts = {
        metric_fingerprint([LPIPS(weights=tmp_path / f"{name}.safetensors")]) for name in ("a", "b")
    }
    assert len(texts) == 1
    save_file({"weight": torch.ones(3)}, tmp_path / "a.safetensors")
    os.utime(tmp_path / "a.safetensors", (1, 1))  # the file system's clock is too coarse
    metric = LPIPS(weights=tmp_path / "a.safetensors")
    assert metric_fingerprint([metric]) not in texts


def test_refuses_a_pickle_before_anything_is_measured(tmp_path: Path) -> None:
    torch.save({}, tmp_path / "vgg16.pth")
    with pytest.raises(WeightsError, match=r"vgg16\.pth: a pickle"):
        metric_fingerprint([LPIPS(weights=tmp_path / "vgg16.pth")])
