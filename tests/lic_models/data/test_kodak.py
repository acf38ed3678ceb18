"""Kodak: for evaluation only."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lic_models.data import Kodak
from pytest_lic.errors import UsageError
from tests.helpers.image_folders import kodak, names


def test_kodak_is_for_evaluation_only(tmp_path: Path) -> None:
    module = Kodak(kodak(tmp_path), crop_size=16)
    module.setup("validate")
    module.setup("test")
    assert len(torch.cat(list(module.val_dataloader()))) == len(module.test_dataloader()) == 24
    assert names(module, "test")[0] == "kodim01.png"
    with pytest.raises(UsageError, match=r"Kodak is for evaluation only.*train on another"):
        module.setup("fit")
