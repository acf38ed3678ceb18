"""Small copies of a zoo's runs: half the bytes, and training goes on from them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lic_models.__main__ import main
from lic_models.storage.weights_file import read_tensors
from lic_models.zoo.pack import pack
from pytest_lic.errors import UsageError
from tests.helpers.tiny_run import LAST, TINY, fit, write


def test_a_packed_run_is_smaller_and_goes_on(tiny_folder: Path) -> None:
    assert fit("--trainer.max_steps=8") == 0
    Path("runs/ledger.jsonl").write_text("")
    assert main(["pack", "runs", "--out=packed"]) == 0
    copy = Path("packed", *LAST.parts[1:])
    assert copy.stat().st_size < 0.75 * LAST.stat().st_size
    before, _ = read_tensors(LAST)
    after, _ = read_tensors(copy)
    assert before.keys() == after.keys()
    for key, value in before.items():
        assert torch.allclose(after[key].to(value.dtype), value, rtol=0.01, atol=1e-6), key
    for name in ("metrics.csv", "config.yaml"):
        assert Path("packed/tiny-1", name).read_bytes() == Path("runs/tiny-1", name).read_bytes()

    Path("runs").rename("elsewhere")
    Path("packed").rename("runs")
    write("tiny.yaml", TINY)
    assert fit("--ckpt_path=last", "--trainer.max_steps=12") == 0
    resumed, _ = read_tensors(LAST)
    assert {value.dtype for value in resumed.values() if value.is_floating_point()} <= {
        torch.float32,
        torch.float64,
    }


def test_a_folder_without_runs_and_the_folder_itself_are_refused(
    tmp_path: Path, whole: Path
) -> None:
    with pytest.raises(UsageError, match="no run with a checkpoint"):
        pack(tmp_path / "empty", tmp_path / "out")
    with pytest.raises(UsageError, match="folder of the runs itself"):
        pack(whole.parent, whole.parent)
