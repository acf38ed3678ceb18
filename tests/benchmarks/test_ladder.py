"""The table of ladder networks: what is told of each quality, of each sampler, and of others."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
import torch

from lic_models.config.builder import build_codec
from lic_models.storage.weights_file import write_weights
from tests.helpers.benchmark_runs import run_main

ladder = importlib.import_module("ladder")
HERE = "lic_models.components"


@pytest.fixture
def ladders(tmp_path: Path) -> Path:
    """A folder with one ladder network of random weights."""
    components = {
        "transform": {
            "class_path": f"{HERE}.ConvolutionalTransform",
            "init_args": {"channels": 4, "latent_channels": 6, "padding": "mirror"},
        },
        "latent_coding": {
            "class_path": f"{HERE}.RelativeEntropyCoding",
            "init_args": {"hyper_channels": 3},
        },
    }
    torch.manual_seed(0)
    codec = build_codec(components, "test").eval()
    with torch.no_grad():
        codec.transform.analysis[-1].weight.mul_(30.0)
    described = {"name": "steps", "quality": "1", "lmbda": 0.1, "components": components}
    folder = tmp_path / "ladders"
    folder.mkdir()
    write_weights(codec, folder / "steps-1.safetensors", {**described, "training": {}})
    return folder


def rows_of(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    return run_main(monkeypatch, ladder, *map(str, arguments))


def test_strings_stand_beside_the_divergence_and_level_2_beside_all(
    ladders: Path, images: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("--weights", ladders, "--family", "steps", "--corpus", images)
    assert run(monkeypatch, *arguments) == 0
    head, row = rows_of(capsys.readouterr().out)
    assert tuple(head) == ladder.COLUMNS
    told: dict[str, Any] = dict(zip(head, row, strict=True))
    bpp, divergence = float(told["bpp"]), float(told["KL, bpp"])
    assert 0 < divergence < bpp
    over = 1 + float(told["strings over KL"].removesuffix(" %")) / 100
    assert divergence * over < bpp < divergence * over + 0.02  # the container's own bytes
    (header,) = ladder.find_networks(ladders)["steps"]
    network = ladder.load_network(header)
    corpus = ladder.load_corpus(str(images))
    shares = []
    for image in corpus.images:
        second, first = ladder.coded(network, image)
        shares.append((second.divergence, first.divergence, image.height * image.width))
    kl_2, kl_1 = (sum(one[k] / one[2] for one in shares) / len(shares) for k in (0, 1))
    assert divergence == pytest.approx(kl_1 + kl_2, abs=1e-4)
    share = float(told["level 2 of KL"].removesuffix(" %"))
    assert share == pytest.approx(100 * kl_2 / (kl_1 + kl_2), abs=0.06)


def test_every_sampler_has_a_row_and_the_first_one_is_what_others_are_held_to(
    ladders: Path, images: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("--weights", ladders, "--family", "steps", "--corpus", images, "--samplers")
    assert run(monkeypatch, *arguments) == 0
    rows = rows_of(capsys.readouterr().out)[3:]
    assert [row[3] for row in rows] == [*ladder.SECOND, *ladder.FIRST]
    assert next(row[6] for row in rows if row[2] == "2") == "1.000"
    assert all(float(row[7]) > 0 for row in rows if row[2] == "1")


def test_networks_that_round_are_refused(
    weights: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "--weights", weights, "--family", "fp-relu") == 2
    assert "rounds its latents; expected a ladder network, such as pln" in capsys.readouterr().err
