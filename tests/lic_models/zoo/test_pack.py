"""Small copies of a zoo's runs: half the bytes, and training goes on from them."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest
import torch

from lic_models.__main__ import main
from lic_models.storage.checkpoint import read_checkpoint
from lic_models.zoo.pack import pack
from pytest_lic.errors import UsageError
from tests.helpers.tiny_run import LAST, TINY, fit, write

AVERAGED = {
    "trainer.callbacks": [
        {
            "class_path": "lightning.pytorch.callbacks.EMAWeightAveraging",
            "init_args": {"decay": 0.5},
        }
    ]
}


def test_a_packed_run_is_smaller_and_goes_on_from_its_averaged_weights(tiny_folder: Path) -> None:
    write("tiny.yaml", TINY, AVERAGED)
    assert fit("--trainer.max_steps=8") == 0
    Path("runs/ledger.jsonl").write_text("")
    assert main(["pack", "runs", "--out=packed"]) == 0
    copy = Path("packed", *LAST.parts[1:])
    assert zipped(copy) < 0.4 * zipped(LAST)
    before, after = read_checkpoint(LAST), read_checkpoint(copy)
    assert before.keys() == after.keys()
    for key, value in before["state_dict"].items():
        assert torch.allclose(after["state_dict"][key].to(value.dtype), value, atol=1e-3), key
        assert torch.equal(after["current_model_state"][key], after["state_dict"][key])
    for name in ("metrics.csv", "config.yaml"):
        assert Path("packed/tiny-1", name).read_bytes() == Path("runs/tiny-1", name).read_bytes()

    Path("runs").rename("elsewhere")
    Path("packed").rename("runs")
    assert fit("--ckpt_path=last", "--trainer.max_steps=12") == 0
    resumed = read_checkpoint(LAST)
    weights = [*resumed["state_dict"].values(), *resumed["current_model_state"].values()]
    assert not {torch.float16, torch.bfloat16} & {weight.dtype for weight in weights}
    assert main(["export", str(LAST)]) == 0


def zipped(path: Path) -> int:
    return len(zlib.compress(path.read_bytes()))


def test_a_folder_without_runs_and_the_folder_itself_are_refused(
    tmp_path: Path, whole: Path
) -> None:
    with pytest.raises(UsageError, match="no run with a checkpoint"):
        pack(tmp_path / "empty", tmp_path / "out")
    with pytest.raises(UsageError, match="folder of the runs itself"):
        pack(whole.parent, whole.parent)
