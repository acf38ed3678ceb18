"""Weights in the user's cache: whole or not there."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from pytest_lic.errors import WeightsError
from pytest_lic.measuring.backbones.kept import keep, kept, place, read_kept
from pytest_lic.measuring.backbones.network import ALEXNET
from pytest_lic.measuring.backbones.reading import read_safetensors

FEATURES = {"features.0.bias": torch.arange(64.0)}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_what_is_kept_is_found_and_the_same(cache: Path) -> None:
    assert kept(ALEXNET) is None
    path = keep(ALEXNET, FEATURES)
    assert path.is_relative_to(cache)
    assert kept(ALEXNET) == path
    assert torch.equal(read_safetensors(path)["features.0.bias"], FEATURES["features.0.bias"])


def test_what_is_cut_is_not_there() -> None:
    path = keep(ALEXNET, FEATURES)
    path.write_bytes(path.read_bytes()[:-4])
    assert kept(ALEXNET) is None


def test_a_cache_that_can_not_be_written_is_one_clear_error(cache: Path) -> None:
    cache.write_text("a file where the folder should be")
    with pytest.raises(WeightsError, match=rf"{place(ALEXNET)}: can't be written .*XDG_CACHE_HOME"):
        keep(ALEXNET, FEATURES)


def test_what_is_kept_and_of_another_network_says_what_to_do() -> None:
    path = keep(ALEXNET, FEATURES)
    message = rf"{path}: .* not the weights of .*alexnet; remove that file, and have pytest-lic"
    with pytest.raises(WeightsError, match=message):
        read_kept(path, ALEXNET)
