"""The shipped networks and the code that trained them."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lic_models import families as shipped
from lic_models.checkpoint import read_checkpoint, write_checkpoint
from lic_models.photographs import crop_batch, load_photographs
from lic_models.training import Recipe, Trainer, checkpoint_path, log_path, main, train
from lic_models.weights_file import read_tensors
from pytest_lic.errors import CorpusError, WeightsError

TINY = Recipe(lmbda=0.0067, steps=6, width=4, latents=6, batch=2, crop=32, rate=1e-3, decay=3)
QUALITIES = tuple(shipped.FP_GDN_LAMBDAS)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four smooth synthetic photographs of 96 × 80 pixels."""
    folder = tmp_path / "photographs"
    folder.mkdir()
    rng = np.random.default_rng(7)
    for index in range(4):
        coarse = rng.integers(0, 256, (5, 6, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((96, 80), Image.Resampling.BICUBIC).save(
            folder / f"{index}.png"
        )
    return folder


def command(folder: Path, out: Path, *more: str) -> list[str]:
    return [
        *("--data", str(folder), "--lambda", str(TINY.lmbda), "--steps", str(TINY.steps)),
        *("--out", str(out), "--width", "4", "--latents", "6", "--batch", "2", "--crop", "32"),
        *("--rate", "1e-3", "--decay", "3", *more),
    ]


class TestTraining:
    def test_training_lowers_the_loss(self, folder: Path) -> None:
        photographs = load_photographs(folder, 32)
        trainer = Trainer(Recipe(lmbda=0.01, steps=80, width=8, latents=8, batch=4, crop=32))
        losses = [trainer.advance(photographs).total(0.01).item() for _ in range(80)]
        assert np.mean(losses[-10:]) < 0.8 * np.mean(losses[:10])

    @pytest.mark.parametrize("bfloat16", [0, 4])
    def test_a_resumed_run_ends_with_the_same_weights_to_the_bit(
        self, folder: Path, tmp_path: Path, bfloat16: int
    ) -> None:
        recipe = Recipe(**{**vars(TINY), "bfloat16": bfloat16})
        photographs = load_photographs(folder, 32)
        train(Trainer(recipe), photographs, tmp_path / "whole.safetensors")

        first = Trainer(recipe)
        for _ in range(3):
            first.advance(photographs)
        write_checkpoint(first, tmp_path / "stopped.safetensors")
        torch.manual_seed(99)  # what else the process draws must not matter
        second = Trainer(recipe)
        read_checkpoint(second, tmp_path / "stopped.safetensors")
        train(second, photographs, tmp_path / "resumed.safetensors")

        whole = (tmp_path / "whole.safetensors").read_bytes()
        assert (tmp_path / "resumed.safetensors").read_bytes() == whole

    def test_ctrl_c_leaves_a_checkpoint_that_the_named_command_goes_on_from(
        self, folder: Path, tmp_path: Path
    ) -> None:
        out = tmp_path / "net.safetensors"
        arguments = command(folder, out)
        arguments[arguments.index("--steps") + 1] = "1000000"
        process = subprocess.Popen(
            [sys.executable, "-m", "lic_models.training", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "4 photographs, from step 0\n"
        process.send_signal(signal.SIGINT)
        printed, _ = process.communicate(timeout=60)
        assert process.returncode == 130
        assert f"--resume {checkpoint_path(out)}" in printed
        assert not out.exists()
        _, header = read_tensors(checkpoint_path(out))
        assert f"stopped at step {header['step']};" in printed

    def test_the_command_writes_weights_a_log_and_where_they_came_from(
        self, folder: Path, tmp_path: Path
    ) -> None:
        first, second = tmp_path / "first.safetensors", tmp_path / "second.safetensors"
        assert main(command(folder, first)) == 0
        assert log_path(first).read_text().splitlines()[-1].startswith("6,")
        assert main(command(folder, second, "--init", str(first), "--seed", "2")) == 0
        _, header = read_tensors(second)
        assert header["recipe"] == {**vars(TINY), "seed": 2}
        assert header["stages"] == [{"recipe": vars(TINY), "until": 6}]
        assert header["photographs"] == 4

    def test_resuming_under_another_recipe_is_refused(self, folder: Path, tmp_path: Path) -> None:
        path = tmp_path / "stopped.safetensors"
        write_checkpoint(Trainer(TINY), path)
        other = Trainer(Recipe(**{**vars(TINY), "batch": 3}))
        with pytest.raises(WeightsError, match=r"batch 2, not 3.*--init"):
            read_checkpoint(other, path)

    def test_weights_of_another_width_are_refused_as_a_start(self, tmp_path: Path) -> None:
        path = tmp_path / "stopped.safetensors"
        write_checkpoint(Trainer(TINY), path)
        with pytest.raises(WeightsError, match=r"stopped\.safetensors: .*expected.*--width"):
            Trainer(Recipe(**{**vars(TINY), "width": 8}), path)


class TestPhotographs:
    def test_crops_are_rgb_in_range_and_follow_from_the_seed(self, folder: Path) -> None:
        photographs = load_photographs(folder, 32)
        crops = crop_batch(photographs, 3, 32, np.random.default_rng(5))
        assert crops.shape == (3, 3, 32, 32)
        assert crops.dtype == torch.float32
        assert 0.0 <= crops.min() < crops.max() <= 1.0
        assert torch.equal(crops, crop_batch(photographs, 3, 32, np.random.default_rng(5)))
        assert not torch.equal(crops, crop_batch(photographs, 3, 32, np.random.default_rng(6)))

    def test_a_missing_folder_is_named(self, tmp_path: Path, capsys) -> None:
        assert main(command(tmp_path / "nowhere", tmp_path / "out.safetensors")) == 2
        printed = capsys.readouterr().err
        assert printed.startswith("error: ")
        assert f"{tmp_path / 'nowhere'}: no such folder" in printed

    def test_an_empty_folder_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(CorpusError, match="no image in it"):
            load_photographs(tmp_path, 32)

    @pytest.mark.parametrize("damage", ["text", "truncated"])
    def test_an_unreadable_image_is_named_by_its_path(self, folder: Path, damage: str) -> None:
        whole = (folder / "0.png").read_bytes()
        bad = folder / "broken.png"
        bad.write_bytes(b"not an image" if damage == "text" else whole[: len(whole) // 2])
        with pytest.raises(CorpusError, match=r"broken\.png: not a readable image"):
            load_photographs(folder, 32)

    def test_an_image_smaller_than_the_crop_is_named(self, folder: Path) -> None:
        with pytest.raises(CorpusError, match=r"0\.png: 96×80 pixels, smaller than .*128×128"):
            load_photographs(folder, 128)
