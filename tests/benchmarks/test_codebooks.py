"""The table of vector-quantised codecs: index models by hand, dead entries, and others refused."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest
import torch

from lic_models.config.builder import build_codec
from lic_models.storage.weights_file import write_weights
from tests.helpers.benchmark_runs import run_main

codebooks = importlib.import_module("codebooks")
HERE = "lic_models.components"


@pytest.fixture
def vectors(tmp_path: Path) -> Path:
    """A vector-quantised network of random weights, of which no index 3 is ever nearest."""
    components = {
        "transform": {
            "class_path": f"{HERE}.ConvolutionalTransform",
            "init_args": {"channels": 4, "latent_channels": 6},
        },
        "latent_coding": {
            "class_path": f"{HERE}.VectorQuantisedCoding",
            "init_args": {
                "vector_quantizer": {
                    "class_path": f"{HERE}.SoftToHardQuantizer",
                    "init_args": {"entries": 4, "dimensions": 3},
                }
            },
        },
    }
    torch.manual_seed(0)
    codec = build_codec(components, "test").eval()
    with torch.no_grad():
        codec.transform.analysis[-1].weight.mul_(30.0)
        codec.vector_quantizer.codebooks[3::4] = 1000.0
    codec.update()
    described = {"name": "vectors", "quality": "1", "lmbda": 0.1, "components": components}
    path = tmp_path / "vectors-1.safetensors"
    write_weights(codec, path, {**described, "training": {}})
    return path


def test_frequencies_of_the_others_are_counted_without_the_image_itself() -> None:
    images = [np.array([[0, 0, 1, 1]]), np.array([[0, 0, 0, 1]])]
    nothing = [np.zeros_like(each) for each in images]
    first, second = codebooks.counted_on_others(images, nothing, 2)
    of_second = np.array([3.5, 1.5]) / 5  # half a time more than they come
    assert first == pytest.approx(-2 * np.log2(of_second).sum())
    assert second == pytest.approx(4.0)  # two and two


def test_what_an_index_is_given_tells_of_it() -> None:
    """Where each index repeats the one before, it costs next to nothing given that."""
    draw = np.random.default_rng(0)
    images = [np.repeat(draw.integers(0, 8, (1, 4000)), 2, axis=0) for _ in range(3)]
    before = [np.concatenate([0 * each[:1], each[:-1]]) for each in images]
    plain = codebooks.counted_on_others(images, [0 * each for each in images], 8)
    given = codebooks.counted_on_others(images, before, 8)
    assert np.array(given) / np.array(plain) == pytest.approx(0.5, abs=0.01)


def test_every_network_has_a_row_and_its_dead_entries_are_named(
    vectors: Path,
    weights: Path,
    images: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(codebooks, "shipped", list)
    reference = str(weights / "fp-relu-1.safetensors")
    arguments = (str(vectors), "--corpus", str(images), "--reference", reference)
    assert run_main(monkeypatch, codebooks, *arguments) == 0
    told = capsys.readouterr().out
    lines = [line for line in told.splitlines() if line.startswith("| ")]
    head, scalar, own = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert tuple(head) == codebooks.COLUMNS
    assert scalar[0] == "fp-relu"
    assert scalar[5:] == ["–"] * 6
    cells = dict(zip(head, own, strict=True))
    assert cells["codebooks"] == "2 of 4"
    assert float(cells["uniform"]) == pytest.approx(2 * 2 / 256, rel=0.05)  # a latent of 16 × 16
    assert float(cells["counted on the others"]) <= float(cells["uniform"]) * 1.1
    assert int(cells["dead"]) >= 2
    (line,) = [line for line in told.splitlines() if line.startswith("vectors quality 1: ")]
    assert "0: " in line
    assert "3" in line.partition("0: ")[2].partition(";")[0]
    assert "BD-rate of vectors against fp-relu: " in told


def test_a_scalar_network_is_no_vector_quantised_one(
    weights: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_main(monkeypatch, codebooks, str(weights / "fp-relu-1.safetensors")) == 2
    assert "fp-relu has no codebooks; expected a vector-quantised" in capsys.readouterr().err
