"""``integer``: what it writes and says, that it codes, and what is refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from lic_models.__main__ import main
from lic_models.families import learned_family
from lic_models.storage.weights_file import (
    read_json_header,
    read_tensors,
    write_tensors,
)
from lic_models.storage.weights_header import WEIGHTS, read_header
from pytest_lic.errors import WeightsError
from tests.helpers.weights import built, change

pytestmark = pytest.mark.usefixtures("photos_folder", "one_thread")
KEY = "entropy_model.hyper_synthesis."


def made(*options: str, out: str = "n.safetensors") -> Path:
    shutil.copy(WEIGHTS / "msh-gdn-1.safetensors", "w.safetensors")
    assert main(["integer", "w.safetensors", "--data=photos", f"--out={out}", *options]) == 0
    return Path(out)


def test_the_file_holds_the_entropy_model_alone_and_what_it_has_of_the_source() -> None:
    path = made()
    new, old = read_tensors(path)[0], read_tensors(Path("w.safetensors"))[0]
    assert not any(key.startswith("transform.") for key in load_file(path))
    whole = {key for key in new if key.startswith(KEY)}
    assert {new[f"{KEY}layers.{n}.weight"].dtype for n in range(3)} == {torch.int8}
    assert not any(new[key].is_floating_point() for key in whole)
    floats = {key for key in old if key.startswith(KEY)}
    assert new.keys() - whole == old.keys() - floats
    assert all(torch.equal(new[key], old[key]) for key in new.keys() - whole)
    assert all(new[key].dtype == old[key].dtype for key in new.keys() - whole)
    header = read_header(path)
    assert header.name == "msh-gdn-integer"
    assert header.components["entropy_model"]["init_args"]["arithmetic"] == "integer"
    assert header.training["steps"] == read_header(Path("w.safetensors")).training["steps"]
    stated = header.training["integer"]
    assert (stated["weights"], stated["activations"], stated["data"]) == (8, 12, "photos")


def test_it_codes_and_is_tagged() -> None:
    family = learned_family([read_header(made("--name=mine"))])
    assert (family.name, family.tags["arithmetic"]) == ("mine", "integer")
    codec = family.build("1", "cpu")
    images = torch.rand(2, 3, 40, 50)
    streams = codec.encode(images)
    assert torch.equal(codec.decode(streams), codec.decode(streams))
    plain = learned_family([read_header(Path("w.safetensors"))]).build("1", "cpu")
    sizes = [sum(map(len, each.encode(images))) for each in (codec, plain)]
    assert sizes[0] < 1.02 * sizes[1]


def test_the_same_command_writes_the_same_bytes() -> None:
    first = made().read_bytes()
    assert made().read_bytes() == first
    assert made("--bits=5").read_bytes() != first


def test_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    made()
    out, err = capsys.readouterr()
    first, second = out.splitlines()
    assert first.startswith("n.safetensors: msh-gdn-integer quality 1, λ = 0.0018, hyper-synth")
    assert "esis of 8-bit weights and 12-bit activations; 0." in first
    assert first.endswith("read with w.safetensors")
    assert second.startswith("on 2 of 8 images, kept for checking: clamped ")
    assert "% of z and the activations of both layers" in second
    assert err == ""


def test_numbers_that_may_not_be_exact_are_refused_with_the_file() -> None:
    path = made()
    change(path, f"{KEY}layers.1.multipliers", torch.full((32,), 2**45))
    with pytest.raises(WeightsError, match=r"^n\.safetensors: integer hyper-synth.* layer 1 may"):
        built(path)


def test_adapting_integers_is_refused(refusal: Callable[..., str]) -> None:
    made()
    more = ("--data=photos", "--out=a.safetensors", "--way=encoder", "--crop-size=16")
    told = refusal("adapt", "n.safetensors", *more, "--steps=1")
    assert told.startswith("n.safetensors: arithmetic: integer can't be trained; train with float")


def test_what_is_refused(refusal: Callable[..., str]) -> None:
    made()

    def told(weights: str = "w.safetensors", *options: str) -> str:
        return refusal("integer", weights, "--data=photos", "--out=o.safetensors", *options)

    assert told("none.safetensors").startswith("none.safetensors: can't be read (No such file")
    assert "integers already; take the weights" in told("n.safetensors")
    assert "--bits 1: expected 2 to 8" in told("w.safetensors", "--bits=1")
    assert "--activation-bits 21: expected 2" in told("w.safetensors", "--activation-bits=21")
    assert "--data none: no such folder" in told("w.safetensors", "--data=none")
    Path("apart").mkdir()
    assert "--out apart: a folder" in told("w.safetensors", "--out=apart")
    assert "would not be found from apart/n" in told("w.safetensors", "--out=apart/n.safetensors")
    assert "would not be found" in told("w.safetensors", "--out=w.safetensors")
    assert "entropy model is a Factorized; expected" in told(str(WEIGHTS / "fp-gdn-1.safetensors"))
    assert "a latent coding without an entropy" in told(str(WEIGHTS / "pln-1.safetensors"))
    assert "is a JointEntropyModel" in told(str(WEIGHTS / "msh-gdn-none-1.safetensors"))
    adapted = str(WEIGHTS / "msh-gdn-documents-encoder-1.safetensors")
    assert "holds only what differs from msh-gdn-1" in told(adapted)
    (gain,) = WEIGHTS.glob("msh-gain-all*")
    assert "one network for several λ" in told(str(gain))
    Path("text.safetensors").write_text("no weights")
    assert "truncated, or no exported weights" in told("text.safetensors")
    stated = read_json_header(Path("w.safetensors"))
    write_tensors({"other": torch.ones(1)}, Path("other.safetensors"), stated)
    assert "weights of another codec than the one described" in told("other.safetensors")
