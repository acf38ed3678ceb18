"""The table of widths: what it tells of each, and a width that is wasted."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from lic_models.config.builder import build_codec
from lic_models.storage.weights_file import write_weights
from tests.helpers.benchmark_runs import run_main
from tests.helpers.weights import WEIGHTS

slimmable = importlib.import_module("slimmable")
HERE = "lic_models.components"
WIDTHS = [[3, 6], [6, 24]]


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of two smooth images."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    rows, columns = np.mgrid[0:80, 0:96]
    for name, period in (("a", 9.0), ("b", 14.0)):
        across = np.sin(columns[..., None] / (period + np.arange(3)))
        waves = np.sin(rows / period)[..., None] + across
        Image.fromarray((127 + 60 * waves).astype(np.uint8)).save(folder / f"{name}.png")
    return folder


def written(folder: Path, name: str, training: dict[str, Any]) -> Path:
    """A network of two widths, with random weights."""
    components = {
        "transform": {
            "class_path": f"{HERE}.SlimmableTransform",
            "init_args": {"widths": WIDTHS, "nonlinearity": f"{HERE}.GDN"},
        },
        "quantizer": f"{HERE}.NoiseQuantizer",
        "entropy_model": {
            "class_path": f"{HERE}.SlimmableEntropyModel",
            "init_args": {"latent_channels": [m for _, m in WIDTHS]},
        },
        "entropy_coder": f"{HERE}.AnsCoder",
        "rate_control": {
            "class_path": f"{HERE}.SlimmableWidths",
            "init_args": {"lambdas": [0.01, 0.01]},
        },
    }
    torch.manual_seed(0)
    codec = build_codec(components, "test").eval()
    codec.update()
    described = {"name": "slim", "quality": "all", "lmbda": 0.01, "components": components}
    path = folder / f"{name}.safetensors"
    write_weights(codec, path, {**described, "training": {"steps": 0, **training}})
    return path


def test_each_width_of_the_shipped_network_costs_and_gives_more_than_the_last(
    pictures: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (shipped,) = (path for path in WEIGHTS if path.stem == "fp-slimmable-all")
    assert run_main(monkeypatch, slimmable, str(shipped), "--corpus", str(pictures)) in (0, 1)
    lines = capsys.readouterr().out.splitlines()
    rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("| ")][1:]
    assert [row[0] for row in rows] == ["1", "2", "3", "4"]
    assert {row[3] for row in rows} == {"0.01300"}  # one λ before
    for column in (1, 4, 7, 8, 9):  # N, λ after, parameters and operations
        numbers = [float(row[column].replace(",", "")) for row in rows]
        assert numbers == sorted(set(numbers)), slimmable.COLUMNS[column]


def test_the_parameters_are_those_of_a_network_of_that_width_alone(
    pictures: Path, tmp_path: Path
) -> None:
    path = written(tmp_path, "slim", {"lambdas": [0.01, 0.01]})
    header = slimmable.slimmable(slimmable.read_header(path))
    narrow, wide = slimmable.widths_of(header, slimmable.load_corpus(str(pictures)))
    for width in (narrow, wide):
        n, m = width.channels
        kernels = 2 * 25 * (3 * n + 2 * n * n + n * m)
        biases = (3 * n + m) + (3 * n + 3)
        norms = 6 * (n + n * n)
        density = (3 + 3 * 9 + 3) + 4 * 3 + 1 + 4 * 3 + 3  # of CompressAI's form
        expected = kernels + biases + norms
        assert width.parameters > expected
        assert (width.parameters - expected) % m == 0
        assert (width.parameters - expected) / m < 2 * density
    assert narrow.operations[0] < wide.operations[0]


@pytest.mark.parametrize(
    ("wide", "is_wasted"),
    [((0.5, 29.0), False), ((0.5, 28.0), True), ((0.4, 29.0), True)],
)
def test_a_wider_width_that_gives_no_more_or_costs_no_more_is_named(
    wide: tuple[float, float], is_wasted: bool
) -> None:
    header: Any = SimpleNamespace(path=Path("slim.safetensors"))
    widths: Any = [
        SimpleNamespace(label=label, bpp=bpp, psnr=psnr)
        for label, (bpp, psnr) in (("1", (0.4, 28.0)), ("2", wide))
    ]
    lines = list(slimmable.wasted(header, widths))
    assert bool(lines) == is_wasted
    if is_wasted:
        assert lines[0].startswith(
            "slim.safetensors: width 1 gives 28.00 dB at 0.4000 bpp, width 2"
        )


def test_a_network_that_was_not_scheduled_says_so(
    pictures: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = written(tmp_path, "slim", {"lambdas": [0.01, 0.01]})
    page = tmp_path / "page.md"
    arguments = (str(path), "--corpus", str(pictures), "--markdown", str(page))
    run_main(monkeypatch, slimmable, *arguments)
    assert "0 steps, no scheduling; 2 images of pictures" in page.read_text()
    assert page.read_text().strip() in capsys.readouterr().out


def test_a_network_of_one_width_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (plain,) = (path for path in WEIGHTS if path.stem == "fp-gdn-1")
    assert run_main(monkeypatch, slimmable, str(plain)) == 2
    assert "fp-gdn has one width; expected a slimmable network" in capsys.readouterr().err
