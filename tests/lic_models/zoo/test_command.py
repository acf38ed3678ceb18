"""The zoo's command line: what it refuses before anything is trained."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lic_models.__main__ import main
from tests.helpers.tiny_run import TINY, write

pytestmark = pytest.mark.usefixtures("tiny_folder")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--configs=tiny.yaml", "--minutes=0"], "--minutes 0: expected a positive number"),
        (
            ["--configs=tiny.yaml", "--minutes=1", "--data=nowhere"],
            "--data nowhere: no such folder",
        ),
        (["--configs=other", "--minutes=1"], "other"),
        (
            ["--configs=tiny.yaml", "--minutes=1", "--start=nowhere"],
            "--start nowhere: no tiny-1.safetensors; expected the exported weights of every",
        ),
        (
            ["--configs=tiny.yaml", "--minutes=1", "--", "--model.lmbdas=1"],
            "lmbdas",
        ),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_trained(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["zoo", *arguments]) == 2
    assert words in capsys.readouterr().err
    assert not Path("runs").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_not_there_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["zoo", "--configs=tiny.yaml", "--minutes=1", "--device=cuda"]) == 2
    assert "--device cuda: PyTorch finds no GPU here" in capsys.readouterr().err


def test_compiling_without_a_compiler_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write("tiny.yaml", TINY)
    monkeypatch.setenv("PATH", "")
    assert main(["zoo", "--configs=tiny.yaml", "--minutes=1", "--compile=yes"]) == 2
    assert "no C++ compiler" in capsys.readouterr().err
