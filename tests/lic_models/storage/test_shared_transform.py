"""Weights that name another file's transform are read with it, and refused with any other."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from lic_models.families import WEIGHTS
from lic_models.storage import shared_transform
from lic_models.storage.weights_file import read_tensors, write_tensors, write_weights
from lic_models.storage.weights_header import read_header
from pytest_lic.errors import WeightsError
from tests.helpers.weights import built, change

OTHER = "fp-gdn-1.safetensors"


@pytest.fixture
def sharing(tmp_path: Path) -> Path:
    """Weights of fp-gdn's first quality, which name a copy of that file beside them."""
    beside = tmp_path / "beside.safetensors"
    shutil.copy(WEIGHTS / OTHER, beside)
    _, header = read_tensors(beside)
    path = tmp_path / "sharing.safetensors"
    write_weights(built(beside), path, header, transform_of=beside)
    return path


def test_they_are_smaller_and_read_as_if_they_were_whole(sharing: Path) -> None:
    beside = sharing.with_name("beside.safetensors")
    assert sharing.stat().st_size < beside.stat().st_size / 4
    whole, shared = read_tensors(beside)[0], read_tensors(sharing)[0]
    assert whole.keys() == shared.keys()
    assert all(torch.equal(whole[name], shared[name]) for name in whole)
    images = torch.rand(1, 3, 32, 48)
    one, other = built(beside), built(sharing)
    assert one.compress(images) == other.compress(images)


def test_the_other_file_may_be_a_shipped_one(sharing: Path) -> None:
    _, header = read_tensors(sharing)
    path = sharing.with_name("mine.safetensors")
    write_weights(built(sharing), path, header, transform_of=WEIGHTS / OTHER)
    assert not path.with_name(OTHER).exists()
    assert read_header(path).name == "fp-gdn"
    built(path)


def test_a_file_that_would_not_be_found_is_not_named(sharing: Path) -> None:
    beside = sharing.with_name("beside.safetensors")
    before, codec = beside.read_bytes(), built(beside)
    elsewhere = sharing.parent / "folder"
    elsewhere.mkdir()
    for new in (beside, elsewhere / beside.name, elsewhere / "new.safetensors"):
        with pytest.raises(WeightsError, match=r"would not be found from .* another name"):
            write_weights(codec, new, {}, transform_of=beside)
    assert beside.read_bytes() == before, "nor is it overwritten"


def test_a_file_without_a_transform_is_refused(sharing: Path) -> None:
    tensors, header = load_file(sharing), read_tensors(sharing)[1]
    write_tensors(tensors, sharing.with_name("beside.safetensors"), {})
    with pytest.raises(WeightsError, match="which has none; export it again"):
        read_tensors(sharing)
    assert header[shared_transform.KEY]


def test_a_file_that_is_gone_is_named(sharing: Path) -> None:
    sharing.with_name("beside.safetensors").unlink()
    message = r"has the transform of beside\.safetensors, which is neither beside it nor shipped"
    with pytest.raises(WeightsError, match=message):
        read_tensors(sharing)


def test_a_file_that_was_trained_further_is_refused(sharing: Path) -> None:
    beside = sharing.with_name("beside.safetensors")
    kernel = read_tensors(beside)[0]["transform.synthesis.0.weight"]
    change(beside, "transform.synthesis.0.weight", kernel + 1)
    with pytest.raises(WeightsError, match=r"was trained on another transform than .* has now"):
        read_tensors(sharing)


def test_another_transform_is_not_named(sharing: Path) -> None:
    codec = built(sharing)
    with torch.no_grad():
        codec.transform.synthesis[0].bias.add_(1)
    with pytest.raises(WeightsError, match=r"synthesis\.0\.bias is not that of the codec"):
        write_weights(codec, sharing, {}, transform_of=WEIGHTS / OTHER)


@pytest.mark.parametrize("stated", ["msh-gdn-2", {"file": "x"}])
def test_a_header_that_says_something_else_is_refused(stated: object) -> None:
    header = {shared_transform.KEY: stated}
    with pytest.raises(WeightsError, match=r"w\.safetensors: transform_of is .* expected a file"):
        shared_transform.completed(Path("w.safetensors"), {}, header, read_tensors)
