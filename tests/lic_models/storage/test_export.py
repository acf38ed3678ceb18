"""Exported weights: where they go, what they say, and their size."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from lic_models.__main__ import main
from lic_models.storage.weights_file import read_tensors
from lic_models.storage.weights_header import read_header
from tests.helpers.tiny_run import LAST, TINY, write

pytestmark = pytest.mark.usefixtures("tiny_folder")


def test_exported_weights_say_where_they_come_from(
    whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", f"{whole}/checkpoints/last.ckpt"]) == 0
    out, err = capsys.readouterr()
    assert re.fullmatch(
        r"tiny-1\.safetensors: tiny quality 1, λ = 0\.0067, 18 steps; 0\.\d\d MB\n", out[-80:]
    )
    assert err == ""
    header = read_header(Path("tiny-1.safetensors"))
    training = header.training
    assert (header.name, header.quality, header.lmbda) == ("tiny", "1", 0.0067)
    assert training["steps"] == 18
    assert training["minutes"] >= 0.0
    assert training["data"]["name"] == "BundledPhotographs"
    assert training["data"]["batch_size"] == 2
    assert training["machine"]
    assert str(Path.cwd()) not in str(header)


def test_weights_are_exported_where_the_config_says(
    whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("configs").mkdir()
    changed = {"weights": "../trained/{name}.{quality}.safetensors", "format_version": 3}
    write("configs/tiny.yaml", TINY, changed)
    assert main(["fit", "--config=configs/tiny.yaml", "--trainer.max_steps=1"]) == 0
    assert main(["export", str(LAST)]) == 0
    assert read_header(Path("trained/tiny.1.safetensors")).format_version == 3


def test_half_precision_kernels_are_half_the_bytes(whole: Path) -> None:
    checkpoint = f"{whole}/checkpoints/last.ckpt"
    assert main(["export", checkpoint, "--out=half.safetensors"]) == 0
    assert main(["export", checkpoint, "--float32", "--out=full.safetensors"]) == 0
    half, _ = read_tensors(Path("half.safetensors"))
    full, _ = read_tensors(Path("full.safetensors"))
    key = "transform.analysis.0.weight"
    assert (half[key].dtype, full[key].dtype) == (torch.float16, torch.float32)
    assert torch.equal(half[key], full[key].half())


def test_eight_bit_kernels_are_fewer_bytes_and_near_to_the_trained_ones(whole: Path) -> None:
    checkpoint = f"{whole}/checkpoints/last.ckpt"
    assert main(["export", checkpoint, "--eight-bit", "--out=eight.safetensors"]) == 0
    assert main(["export", checkpoint, "--out=half.safetensors"]) == 0
    assert Path("eight.safetensors").stat().st_size < Path("half.safetensors").stat().st_size
    eight, _ = read_tensors(Path("eight.safetensors"))
    half, _ = read_tensors(Path("half.safetensors"))
    assert eight.keys() == half.keys()
    for key, value in eight.items():
        expected = half[key].double()
        is_rounded = key.endswith("weight") and value.ndim == 4
        near = 0.005 * float(expected.abs().max()) if is_rounded else 0.0
        torch.testing.assert_close(value.double(), expected, rtol=0.0, atol=near)


def test_eight_bits_of_a_shared_transform_are_refused(
    whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = f"{whole}/checkpoints/last.ckpt"
    assert main(["export", checkpoint, "--eight-bit", "--transform-of=msh-gdn-2.safetensors"]) == 2
    assert "--eight-bit would round the transform" in capsys.readouterr().err


def test_dead_entries_of_codebooks_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    vectors = {
        "class_path": "lic_models.components.VectorQuantisedCoding",
        "init_args": {
            "vector_quantizer": {
                "class_path": "lic_models.components.SoftToHardQuantizer",
                "init_args": {"entries": 4},
            }
        },
    }
    model = {**TINY["model"], "quantizer": None, "entropy_model": None, "latent_coding": vectors}
    write("tiny.yaml", {**TINY, "model": model})
    assert main(["fit", "--config=tiny.yaml", "--trainer.max_steps=1"]) == 0
    capsys.readouterr()
    assert main(["export", str(LAST)]) == 0
    said = capsys.readouterr().out
    assert "tiny-1.safetensors: 2 codebooks of 4 entries, none of them dead\n" in said
