"""Weights that can't be written, and files that are refused as weights."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from lic_models.__main__ import main
from lic_models.storage.weights_file import load_weights, read_tensors, write_tensors
from pytest_lic.errors import WeightsError
from tests.helpers.weights import built, change, metadata

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


def test_tensors_cut_short(shipped_weights: Path) -> None:
    codec = built(shipped_weights)
    shipped_weights.write_bytes(shipped_weights.read_bytes()[:-1])
    with pytest.raises(WeightsError, match=r"\.safetensors: truncated or not"):
        load_weights(codec, shipped_weights)


def test_a_pickle_is_named_and_not_opened(shipped_weights: Path) -> None:
    codec = built(shipped_weights)
    shipped_weights.write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(WeightsError, match="a pickle, which is never loaded"):
        load_weights(codec, shipped_weights)


def test_another_width(shipped_weights: Path) -> None:
    codec = built(shipped_weights)
    change(shipped_weights, "transform.analysis.0.weight", torch.zeros(8, 3, 5, 5))
    with pytest.raises(WeightsError, match=r"another codec.*analysis\.0\.weight is \(8, 3"):
        load_weights(codec, shipped_weights)


def test_not_finite(shipped_weights: Path) -> None:
    codec = built(shipped_weights)
    kernel = load_file(shipped_weights)["transform.synthesis.0.weight"]
    kernel[0, 0, 0, 0] = float("nan")
    change(shipped_weights, "transform.synthesis.0.weight", kernel)
    with pytest.raises(WeightsError, match=r"synthesis\.0\.weight holds values that are not"):
        load_weights(codec, shipped_weights)


def test_tables_damaged(shipped_weights: Path) -> None:
    codec = built(shipped_weights)
    tensors = load_file(shipped_weights)
    key = next(key for key in tensors if key.startswith("tables.latents.freq"))
    change(shipped_weights, key, tensors[key] + 1)
    with pytest.raises(WeightsError, match="entropy coder tables"):
        load_weights(codec, shipped_weights)


def test_tables_missing(shipped_weights: Path) -> None:
    codec = built(shipped_weights)
    tensors = load_file(shipped_weights)
    kept = {key: value for key, value in tensors.items() if not key.startswith("tables.")}
    save_file(kept, shipped_weights, metadata=metadata(shipped_weights))
    with pytest.raises(WeightsError, match="entropy coder tables"):
        load_weights(codec, shipped_weights)
