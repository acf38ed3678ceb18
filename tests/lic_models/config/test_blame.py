"""Wrong options: the line names where they were given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lic_models import families
from pytest_lic.errors import UsageError
from tests.helpers.wrong_input import QUANTIZER, C, write

pytestmark = pytest.mark.usefixtures("photos_folder")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--model.lamda=3"],
            "--model.lamda: no such option; did you mean model.lmbda?",
        ),
        (["--model.lmbda=high"], "--model.lmbda: high; expected a number"),
        (["--model.lmbda=-1"], "--model.lmbda: -1; expected a positive number"),
        (["--model.lmbda"], "--model.lmbda: expected a value after it"),
        (["--data.crop_size=0"], "--data.crop_size: 0: expected 1 or more"),
        (
            ["--data.crop_sise=8"],
            "--data.crop_sise: ImageFolder has no such argument; did you mean crop_size or crop?",
        ),
        (["rubbish"], "rubbish: no such option"),
        (["--quality=9"], "--quality (my.yaml): no quality is named '9'; known: 1"),
        (
            ["--config=my.yaml"],
            "--config: given 2 times; let one file extend the other (extends: …)",
        ),
        (
            ["--ckpt_path=nowhere"],
            "--ckpt_path=nowhere: no such file; expected a checkpoint, such "
            "as runs/my-1/checkpoints/last.ckpt",
        ),
        (
            ["--ckpt_path=photos"],
            "--ckpt_path=photos: is a folder; expected a checkpoint, such as "
            "runs/my-1/checkpoints/last.ckpt",
        ),
        (
            ["--ckpt_path=last"],
            "--ckpt_path=last: runs/my-1/checkpoints/last.ckpt is not there; "
            "give the path of a checkpoint",
        ),
        (
            ["--data.crop_size=32"],
            "photos/0.png: 24×20 pixels, smaller than the crop of 32×32; "
            "take it out or ask for a smaller --data.crop_size, or go on without it: "
            "--data.on_broken=skip (6 more can't be used)",
        ),
        (
            ["--trainer.accelerator=cuda"],
            "my.yaml: trainer: `CUDAAccelerator` can not run on your system ",
        ),
    ],
    ids=lambda each: str(each)[:40],
)
def test_a_wrong_option_is_one_line(
    arguments: list[str], message: str, refusal: Callable[..., str]
) -> None:
    write({})
    line = refusal("fit", "--config=my.yaml", *arguments)
    assert line.startswith(message) if message.endswith(" ") else line == message


def test_a_key_of_a_file_that_is_extended_is_blamed_on_that_file(
    refusal: Callable[..., str],
) -> None:
    write({"model.lmbda": "high"}, "base.yaml")
    Path("my.yaml").write_text("extends: base.yaml\nmodel: {patience: 3}\n")
    assert refusal("fit", "--config=my.yaml") == "base.yaml: model.lmbda: high; expected a number"


def test_the_plugin_refuses_a_wrong_config_in_the_same_words() -> None:
    write({QUANTIZER: f"{C}.NoizeQuantizer"})
    with pytest.raises(UsageError, match=r"my\.yaml: model\.quantizer: .*did you mean NoiseQuant"):
        families.read_config(Path("my.yaml"))
