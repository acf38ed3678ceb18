"""Where the weights begin."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lic_models.__main__ import main
from lic_models.storage.checkpoint import read_checkpoint
from tests.helpers.tiny_run import LAST, fit

pytestmark = pytest.mark.usefixtures("tiny_folder")


def test_training_may_begin_with_the_weights_of_another_lambda(whole: Path) -> None:
    weights = Path("other.safetensors")
    assert main(["export", f"{whole}/checkpoints/last.ckpt", "--out=other.safetensors"]) == 0
    for index, start in enumerate((weights, whole / "checkpoints/last.ckpt")):
        name = f"--trainer.logger.init_args.name=from-{index}"
        still = ["--trainer.max_steps=1", "--model.learning_rate=1e-12"]
        assert fit(name, f"--model.start={start}", "--model.lmbda=0.025", *still) == 0
        begun = read_checkpoint(Path(f"runs/from-{index}/checkpoints/last.ckpt"))["state_dict"]
        trained = read_checkpoint(whole / "checkpoints/last.ckpt")["state_dict"]
        for key in (key for key in trained if key.endswith("weight")):
            assert torch.allclose(begun[key], trained[key], rtol=1e-3, atol=1e-6), key


def test_training_begins_with_principal_components_unless_told_otherwise() -> None:
    still = ["--trainer.max_steps=1", "--model.learning_rate=1e-12"]
    assert fit("--model.start=principal-components", *still) == 0
    kernel = read_checkpoint(LAST)["state_dict"]["codec.transform.analysis.0.weight"]
    rows = kernel.flatten(1).double()
    gram = rows @ rows.T
    assert torch.allclose(gram, gram.diagonal().diag(), atol=1e-4 * float(gram.max()))
