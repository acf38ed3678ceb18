"""LPIPS against the package lpips; its weights, and when there are none."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import lpips
import platformdirs
import pytest
import torch
import torchvision
from safetensors.torch import save_file
from skimage import data

from pytest_lic.errors import UnavailableError, UnknownNameError, WeightsError
from pytest_lic.measuring.backbones import ALEXNET, Backbone, keep
from pytest_lic.measuring.metrics import METRICS, metric_fingerprint, quality_metrics
from pytest_lic.measuring.metrics import lpips as lpips_metric
from pytest_lic.measuring.metrics.lpips import LPIPS, NETS
from tests.helpers.pixels import noisy, random_image

USER_CACHE = platformdirs.user_cache_path()
"""As it is where the tests don't have their own."""


def random_backbone(net: str, seed: int = 0) -> tuple[torch.nn.Module, dict[str, torch.Tensor]]:
    """LPIPS over seeded random features, and these features named as torchvision names them."""
    with torch.random.fork_rng(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(seed)
        network = lpips.LPIPS(net=net, pnet_rand=True, verbose=False)
    state = network.net.state_dict()
    return network, {f"features.{name.split('.', 1)[1]}": state[name] for name in state}


@pytest.fixture(autouse=True)
def fresh_networks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process that has looked through none, and a cache without weights."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    yield
    for kept in ("_network", "_features_of_original", "_fetched"):
        getattr(lpips_metric, kept).cache_clear()


@pytest.fixture
def attempts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every attempt to fetch, which fails as it does on a machine without internet."""
    fetched: list[str] = []

    def fail(backbone: Backbone) -> Path:
        fetched.append(backbone.name)
        raise UnavailableError("Network is unreachable")

    monkeypatch.setattr(lpips_metric, "fetch", fail)
    return fetched


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
    for _ in range(2):  # the original's features are kept
        values, unavailable = quality_metrics(original, changed, [metric])
        assert unavailable == {}
        assert values["lpips"] == pytest.approx(expected, rel=1e-4)
    assert quality_metrics(original, original, [metric])[0] == {"lpips": 0.0}


def test_its_network_can_be_trained_towards_after_it_has_measured(tmp_path: Path) -> None:
    expected, parameters = random_backbone("alex")
    save_file(parameters, tmp_path / "random.safetensors")
    metric = LPIPS(weights=tmp_path / "random.safetensors")
    assert quality_metrics(random_image(40, 40), random_image(40, 40, 1), [metric])[0]
    network = metric.network()
    first, second = torch.rand(2, 1, 3, 40, 40)
    second.requires_grad_()
    distance = network(first, second, normalize=True)
    torch.testing.assert_close(distance, expected(first, second, normalize=True))
    distance.backward()
    assert second.grad is not None
    assert all(parameter.grad is None for parameter in network.parameters())
    with pytest.raises(UnavailableError, match="no weights for alex: `pytest-lic weights lpips`"):
        LPIPS().network()


def test_without_weights_is_unavailable_and_fetches_nothing(attempts: list[str]) -> None:
    image = random_image(40, 40)
    for metric in (METRICS["lpips"], LPIPS()):
        _, unavailable = quality_metrics(image, image, [metric])
        assert unavailable["lpips"].startswith("no weights for alex: `pytest-lic weights lpips` ")
    _, unavailable = quality_metrics(image, image, [LPIPS("vgg")])
    assert "`pytest-lic weights lpips --net vgg` brings them" in unavailable["lpips"]
    assert attempts == []


def test_fetches_when_asked_and_fails_once_only(attempts: list[str]) -> None:
    image = random_image(40, 40)
    metric = LPIPS(download=True)
    metric_fingerprint([metric])
    for _ in range(2):
        _, unavailable = quality_metrics(image, image, [metric])
        assert unavailable["lpips"] == "no weights of alexnet: Network is unreachable"
    assert attempts == ["alexnet"]


def test_uses_what_was_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    parameters = random_backbone("squeeze")[1]
    monkeypatch.setattr(lpips_metric, "fetch", lambda backbone: keep(backbone, parameters))
    image = random_image(40, 40)
    for metric in (LPIPS("squeeze", download=True), LPIPS("squeeze")):
        assert quality_metrics(image, noisy(image, 9), [metric])[0]["lpips"] > 0


def test_weights_in_the_cache_that_are_not_torchvisions_are_refused() -> None:
    path = keep(ALEXNET, random_backbone("alex")[1])
    image = random_image(40, 40)
    with pytest.raises(WeightsError, match=rf"{path}: alexnet, but not with torchvision's"):
        quality_metrics(image, image, [LPIPS()])


# Values that others publish, with weights that `pytest-lic weights lpips` brought.


@cache
def trained(net: str) -> torch.nn.Module:
    """As the metric has it, or a skip."""
    backbone = NETS[net]
    path = USER_CACHE / "pytest-lic" / "backbones" / f"{backbone.name}.safetensors"
    if not path.exists():
        pytest.skip(f"no weights of {backbone.name}: `pytest-lic weights lpips --net {net}`")
    return lpips_metric._network(lpips_metric._Source(net, path, False, ""))


def test_vgg_is_as_published_on_noise() -> None:
    """The example of torchmetrics' documentation, whose noise follows on the making of a network:

    0.3566 on [0, 1], and 0.3493 where a later version has it on [−1, 1].
    """
    network = trained("vgg")
    with torch.random.fork_rng(devices=[]), torch.inference_mode():
        torch.manual_seed(123)
        torchvision.models.vgg16(weights=None, init_weights=False)
        for channels in (64, 128, 256, 512, 512):
            torch.nn.Conv2d(channels, 1, 1, bias=False)
        one, other = torch.rand(2, 10, 3, 100, 100)
        assert network(one, other).mean().item() == pytest.approx(0.3566, abs=6e-5)
        one, other = 2 * one - 1, 2 * other - 1
        assert network(one, other).mean().item() == pytest.approx(0.3493, abs=6e-5)


def test_alex_is_the_packages_on_a_photograph() -> None:
    """Recomputed with the package, since the pairs with published values can't be shipped."""
    trained("alex")
    photo = data.astronaut()[:256, :256]
    with torch.inference_mode():
        value = trained("alex")(*map(lpips_metric._scaled, (photo, noisy(photo, 20)))).item()
    assert value == pytest.approx(0.23473, abs=5e-5)


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
        "other.safetensors": "the weights of squeezenet1_1, not the weights of .*alexnet",
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
        LPIPS("vgg"),
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
