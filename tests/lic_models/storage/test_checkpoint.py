"""Checkpoints that are spoilt, or of another codec, are refused wherever they are given."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from lic_models.storage.checkpoint import first_difference
from tests.helpers.wrong_input import write

pytestmark = pytest.mark.usefixtures("photos_folder")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def pickled(path: Path) -> None:
    torch.save({"state_dict": {}}, path)


def bare_pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps({"state_dict": {}}))


def text(path: Path) -> None:
    path.write_text("model: {lmbda: 0.1}\n" * 20)


def foreign(path: Path) -> None:
    save_file({"a": torch.zeros(2)}, path)


SPOILT = [
    (cut, ": truncated or not a safetensors file ("),
    (empty, ": truncated or not a safetensors file (it is empty)"),
    (pickled, ": a pickle, which is never loaded since it can run code; convert it to "),
    (bare_pickle, ": a pickle, which is never loaded since it can run code; convert it to "),
    (text, ": truncated or not a safetensors file ("),
    (foreign, ": "),
]


@pytest.mark.parametrize("use", ["fit", "start", "export", "validate", "test", "weights"])
@pytest.mark.parametrize(("spoil", "message"), SPOILT, ids=[each.__name__ for each, _ in SPOILT])
def test_a_spoilt_checkpoint_is_refused_wherever_it_is_given(
    trained: Path,
    spoil: Callable[[Path], None],
    message: str,
    use: str,
    refusal: Callable[..., str],
) -> None:
    Path("bad.ckpt").write_bytes((trained / "last.ckpt").read_bytes())
    spoil(Path("bad.ckpt"))
    write({"data.init_args.test_path": str(Path("test"))})
    Path("photos/0.png").rename("test.png")
    Path("test").mkdir()
    Path("test.png").rename("test/0.png")
    commands = {
        "fit": ["fit", "--config=my.yaml", "--ckpt_path=bad.ckpt"],
        "start": ["fit", "--config=my.yaml", "--model.start=bad.ckpt"],
        "export": ["export", "bad.ckpt"],
        "validate": ["validate", "--config=my.yaml", "--ckpt_path=bad.ckpt"],
        "test": ["test", "--config=my.yaml", "--ckpt_path=bad.ckpt"],
        "weights": ["test", "--config=my.yaml", "--weights=bad.ckpt"],
    }
    line = refusal(*commands[use])
    assert line.startswith("bad.ckpt")
    if use != "weights" and spoil is not foreign:
        assert line.startswith(f"bad.ckpt{message}")


def test_weights_are_no_checkpoint(trained: Path, refusal: Callable[..., str]) -> None:
    write({})
    weights = trained / "weights.safetensors"
    for command in (
        ["fit", "--config=my.yaml", f"--ckpt_path={weights}"],
        ["export", str(weights)],
    ):
        assert refusal(*command) == (
            f"{weights}: weights, not a checkpoint of training; start from them with "
            f"--model.start={weights}"
        )


OTHER = {"model.transform.init_args.channels": 8}


def test_a_checkpoint_of_another_architecture(trained: Path, refusal: Callable[..., str]) -> None:
    write(OTHER)
    checkpoint, weights = trained / "last.ckpt", trained / "weights.safetensors"
    differs = (
        ": of another codec: its transform.init_args.channels is 4, this one's is 8; "
        "give the config and the options that it was trained with"
    )
    for name in ("fit", "validate"):
        line = refusal(name, "--config=my.yaml", f"--ckpt_path={checkpoint}")
        assert line == f"{checkpoint}{differs}"
    for name in ("validate", "test"):
        line = refusal(name, "--config=my.yaml", f"--weights={weights}")
        assert line == f"{weights}{differs}"
    line = refusal("fit", "--config=my.yaml", f"--model.start={checkpoint}")
    assert line.startswith(f"{checkpoint}: weights of another codec than the one described, ")


def test_a_checkpoint_of_another_lambda(trained: Path, refusal: Callable[..., str]) -> None:
    write({"model.lmbda": 0.025})
    checkpoint = trained / "last.ckpt"
    assert refusal("fit", "--config=my.yaml", f"--ckpt_path={checkpoint}") == (
        f"{checkpoint}: trained for λ = 0.0067, not 0.025; to begin with its weights give "
        f"--model.start={checkpoint} in place of --ckpt_path"
    )


def test_components_are_compared_argument_by_argument() -> None:
    known = {"quantizer": {"class_path": "a.B", "init_args": {"levels": 16, "seed": 0}}}
    older = {"quantizer": {"class_path": "a.B", "init_args": {"levels": 16}}}
    other = {"quantizer": {"class_path": "a.B", "init_args": {"levels": 8, "seed": 0}}}
    assert first_difference(known, known) is None
    assert first_difference(older, known) is None
    assert first_difference(other, known) == ("quantizer.init_args.levels", 8, 16)
    assert first_difference({"quantizer": {"class_path": "a.C"}}, known) == (
        "quantizer",
        "a.C",
        "a.B",
    )
