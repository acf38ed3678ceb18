"""A pickle is refused unopened, and a safetensors file never taken for one."""

from __future__ import annotations

import pickle

import pytest
import torch
from safetensors.torch import load, save

from pytest_lic.system.pickles import START, is_pickle


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_bare_pickle_is_one(protocol: int) -> None:
    assert is_pickle(pickle.dumps({"weight": [1.0, 2.0]}, protocol)[:START])
    assert is_pickle(pickle.dumps(1, protocol)[:START])


@pytest.mark.parametrize("zipped", [True, False])
def test_what_torch_saves_is_one(tmp_path, zipped: bool) -> None:
    torch.save({"weight": torch.zeros(1)}, tmp_path / "a", _use_new_zipfile_serialization=zipped)
    assert is_pickle((tmp_path / "a").read_bytes()[:START])


def test_no_safetensors_file_is_one_whatever_the_length_of_its_header() -> None:
    lengths = set()
    for padding in range(0, 512, 8):
        written = save({"w": torch.zeros(1)}, metadata={"note": "x" * padding})
        lengths.add(written[0])
        assert not is_pickle(written[:START])
        assert "w" in load(written)
    assert 0x80 in lengths, "the first byte of a pickle is among them"


def test_an_empty_file_is_none() -> None:
    assert not is_pickle(b"")
