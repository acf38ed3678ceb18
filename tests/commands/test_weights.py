"""``pytest-lic weights``: brings what a metric needs, and says where it is or why it is not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from safetensors.torch import save_file

from pytest_lic.cli import main
from pytest_lic.commands import weights
from pytest_lic.errors import UnavailableError
from pytest_lic.measuring.backbones import ALEXNET, VGG16, Backbone, keep, kept
from pytest_lic.measuring.metrics.lpips import LPIPS
from tests.helpers.backbones import power, random_features

FEATURES = random_features(ALEXNET)


@pytest.fixture(autouse=True)
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Backbone]:
    """Every attempt to fetch, which fails."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    attempts: list[Backbone] = []

    def fail(backbone: Backbone) -> Path:
        attempts.append(backbone)
        raise UnavailableError("no network")

    monkeypatch.setattr(weights, "fetch", fail)
    return attempts


def test_what_is_fetched_is_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(weights, "fetch", lambda backbone: keep(backbone, FEATURES))
    assert main(["weights", "lpips"]) == 0
    assert capsys.readouterr().out.endswith(f"alexnet: kept in {kept(ALEXNET)}\n")


def test_what_is_there_is_not_fetched(
    asked: list[Backbone], capsys: pytest.CaptureFixture[str]
) -> None:
    path = keep(ALEXNET, FEATURES)
    assert main(["weights", "lpips"]) == 0
    assert capsys.readouterr().out == f"alexnet: kept in {path}\n"
    assert asked == []


@pytest.mark.parametrize(("net", "name"), [("vgg", "vgg16"), ("squeeze", "squeezenet1_1")])
def test_what_is_out_of_reach_is_said_with_what_to_do(
    asked: list[Backbone], capsys: pytest.CaptureFixture[str], net: str, name: str
) -> None:
    assert main(["weights", "lpips", "--net", net]) == weights.OUT_OF_REACH
    assert f"{name}: out of reach: no network. Get https://" in capsys.readouterr().out
    assert [backbone.name for backbone in asked] == [name]


def test_a_file_is_checked_and_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        LPIPS, "backbones", {"alex": replace(ALEXNET, power=power(FEATURES)), "vgg": VGG16}
    )
    file = tmp_path / "weights.safetensors"
    save_file(FEATURES, file)
    assert main(["weights", "lpips", "--from", str(file)]) == 0
    assert capsys.readouterr().out == f"alexnet: taken from {file}, kept in {kept(ALEXNET)}\n"
    assert main(["weights", "lpips", "--net", "vgg", "--from", str(file)]) == 2
    assert capsys.readouterr().err == (
        f"pytest-lic: {file}: the weights of alexnet, not the weights of torchvision's vgg16\n"
    )
    assert kept(VGG16) is None
