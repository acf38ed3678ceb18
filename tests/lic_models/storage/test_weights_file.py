"""Weights that can't be written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lic_models.__main__ import main
from lic_models.storage.weights_file import read_tensors, write_tensors

pytestmark = pytest.mark.usefixtures("photos_folder")


def test_weights_that_are_not_finite_are_not_exported(
    trained: Path, refusal: Callable[..., str]
) -> None:
    tensors, header = read_tensors(trained / "last.ckpt")
    key = "state_dict.codec.transform.analysis.0.weight"
    for value, message in (
        (float("nan"), "transform.analysis.0.weight holds values that are not finite; train it "),
        (1e6, "transform.analysis.0.weight holds values beyond float16's ±65504; export with "),
    ):
        tensors[key] = tensors[key].clone()
        tensors[key][0, 0, 0, 0] = value
        write_tensors(tensors, Path("bad.ckpt"), header)
        assert refusal("export", "bad.ckpt").startswith(f"bad.ckpt: {message}")
    assert main(["export", "bad.ckpt", "--float32"]) == 0


def test_weights_that_can_not_be_written(trained: Path, refusal: Callable[..., str]) -> None:
    Path("file").touch()
    line = refusal("export", str(trained / "last.ckpt"), "--out=file/w.safetensors")
    assert line.startswith("file/w.safetensors: can't be written (")
