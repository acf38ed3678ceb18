"""The shipped networks and the code that trained them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch
from compressai.models import FactorizedPrior
from PIL import Image
from safetensors.torch import load_file, save_file

from lic_models import families as shipped
from lic_models.checkpoint import read_checkpoint, write_checkpoint
from lic_models.photographs import crop_batch, load_photographs
from lic_models.principal_components import start_from_principal_components
from lic_models.training import (
    PRINCIPAL,
    RANDOM,
    WEIGHTS,
    Recipe,
    Trainer,
    checkpoint_path,
    log_path,
    main,
    rate_distortion_loss,
    train,
)
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
    @pytest.mark.parametrize("start", [RANDOM, PRINCIPAL])
    def test_training_lowers_the_loss(self, folder: Path, start: str) -> None:
        photographs = load_photographs(folder, 32)
        size = {"width": 8, "latents": 8, "batch": 4, "crop": 32}
        trainer = Trainer(Recipe(lmbda=0.01, steps=80, start=start, **size), photographs)
        images = crop_batch(photographs, 32, 32, np.random.default_rng(0))
        before = rate_distortion_loss(trainer.network, images).total(0.01).item()
        for _ in range(80):
            trainer.advance()
        assert rate_distortion_loss(trainer.network, images).total(0.01).item() < 0.9 * before

    @pytest.mark.parametrize("bfloat16", [0, 4])
    def test_a_resumed_run_ends_with_the_same_weights_to_the_bit(
        self, folder: Path, tmp_path: Path, bfloat16: int
    ) -> None:
        recipe = replace(TINY, bfloat16=bfloat16)
        photographs = load_photographs(folder, 32)
        train(Trainer(recipe, photographs), tmp_path / "whole.safetensors")

        first = Trainer(recipe, photographs)
        for _ in range(3):
            first.advance()
        write_checkpoint(first, tmp_path / "stopped.safetensors")
        torch.manual_seed(99)  # what else the process draws must not matter
        second = Trainer(recipe, photographs)
        read_checkpoint(second, tmp_path / "stopped.safetensors")
        train(second, tmp_path / "resumed.safetensors")

        whole = (tmp_path / "whole.safetensors").read_bytes()
        assert (tmp_path / "resumed.safetensors").read_bytes() == whole

    def test_ctrl_c_ends_a_step_and_names_the_option_that_goes_on_from_it(
        self, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
    ) -> None:
        whole, out = tmp_path / "whole.safetensors", tmp_path / "net.safetensors"
        assert main(command(folder, whole)) == 0
        advance = Trainer.advance

        def interrupted_in_the_third_step(trainer: Trainer):
            if trainer.step == 2:
                os.kill(os.getpid(), signal.SIGINT)
            return advance(trainer)

        monkeypatch.setattr(Trainer, "advance", interrupted_in_the_third_step)
        assert main(command(folder, out)) == 130
        assert not out.exists()
        resume = ["--resume", str(checkpoint_path(out))]
        assert f"stopped at step 3; to go on, run the same command with {' '.join(resume)}" in (
            capsys.readouterr().out
        )
        assert main(command(folder, out, *resume)) == 0
        assert out.read_bytes() == whole.read_bytes()

    def test_the_command_writes_weights_a_log_and_where_they_came_from(
        self, folder: Path, tmp_path: Path
    ) -> None:
        first, second = tmp_path / "first.safetensors", tmp_path / "second.safetensors"
        assert main(command(folder, first)) == 0
        assert log_path(first).read_text().splitlines()[-1].startswith("6,")
        more = ("--init", str(first), "--seed", "2", "--note", "synthetic")
        assert main(command(folder, second, *more)) == 0
        _, header = read_tensors(second)
        assert header["recipe"] == {**vars(TINY), "seed": 2, "start": WEIGHTS}
        assert header["stages"] == [{"recipe": vars(TINY), "until": 6}]
        assert header["photographs"] == 4
        assert header["note"] == "synthetic"

    def test_resuming_under_another_recipe_is_refused(self, folder: Path, tmp_path: Path) -> None:
        path, photographs = tmp_path / "stopped.safetensors", load_photographs(folder, 32)
        write_checkpoint(Trainer(TINY, photographs), path)
        other = Trainer(replace(TINY, batch=3), photographs)
        with pytest.raises(WeightsError, match=r"batch 2, not 3.*--init"):
            read_checkpoint(other, path)

    def test_weights_of_another_width_are_refused_as_a_start(
        self, folder: Path, tmp_path: Path
    ) -> None:
        path, photographs = tmp_path / "stopped.safetensors", load_photographs(folder, 32)
        write_checkpoint(Trainer(TINY, photographs), path)
        with pytest.raises(WeightsError, match=r"stopped\.safetensors: .*expected.*--width"):
            Trainer(replace(TINY, width=8), photographs, path)


class TestPrincipalComponents:
    def test_they_keep_nearly_everything_where_nothing_is_dropped(self, folder: Path) -> None:
        """48 channels hold 4 × 4 pixels of three components; the next layers drop three quarters,
        which these photographs, smooth over 16 pixels, do not miss."""
        images = crop_batch(load_photographs(folder, 64), 16, 64, np.random.default_rng(1))
        network = FactorizedPrior(48, 192).eval()
        start_from_principal_components(network, images, lmbda=0.025)
        with torch.no_grad():
            restored = network.g_s(network.g_a(images))
        assert -10 * torch.log10((restored - images).square().mean()) > 40

    def test_a_larger_lambda_quantises_more_finely(self, folder: Path) -> None:
        images = crop_batch(load_photographs(folder, 64), 16, 64, np.random.default_rng(1))
        losses = []
        for lmbda in (0.0018, 0.0932):
            network = FactorizedPrior(48, 192).eval()
            start_from_principal_components(network, images, lmbda)
            with torch.no_grad():
                losses.append(rate_distortion_loss(network, images))
        coarse, fine = losses
        assert coarse.bpp < fine.bpp
        assert coarse.mse > 10 * fine.mse


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


class TestShippedWeights:
    def test_rate_and_quality_rise_with_lambda(self) -> None:
        pixels = torch.from_numpy(skimage.data.astronaut()[:230, 130:390].copy())
        photograph = pixels.permute(2, 0, 1)[None].float() / 255
        family = next(iter(shipped.families()))
        bits, psnr = [], []
        for quality in family.qualities:
            codec = family.build(quality, "cpu")
            (bitstream,) = codec.encode(photograph)
            decoded = codec.decode([bitstream]).clamp(0, 1).mul(255).round() / 255
            assert decoded.shape == photograph.shape
            bits.append(8 * len(bitstream) / (photograph.size(2) * photograph.size(3)))
            psnr.append(-10 * torch.log10((decoded - photograph).square().mean()).item())
        assert bits == sorted(set(bits))
        assert psnr == sorted(set(psnr))
        assert 0.05 < bits[0] < bits[-1] < 3
        assert 24 < psnr[0] < psnr[-1] < 45

    def test_the_family_is_described_without_loading_torch(self) -> None:
        script = (
            "import sys\n"
            "from lic_models.families import families\n"
            "family = next(iter(families()))\n"
            "assert len({family.fingerprint(label) for label in family.qualities}) == 4\n"
            "assert list(family.qualities.values()) == [0.0018, 0.0067, 0.025, 0.0932]\n"
            "assert 'torch' not in sys.modules\n"
        )
        subprocess.run([sys.executable, "-c", script], check=True, timeout=60)

    @pytest.mark.parametrize("quality", QUALITIES)
    def test_the_tables_in_use_are_the_stored_ones(self, quality: str) -> None:
        stored, header = read_tensors(shipped.weights_path("fp-gdn", quality))
        network = shipped.build_fp_gdn(quality)
        network.update()
        used = network.state_dict()
        for name in ("_quantized_cdf", "_cdf_length", "_offset", "quantiles"):
            key = f"entropy_bottleneck.{name}"
            assert torch.equal(used[key], stored[key])
        assert header["recipe"]["lmbda"] == shipped.FP_GDN_LAMBDAS[quality]

    def test_all_weights_together_stay_small(self) -> None:
        assert sum(path.stat().st_size for path in shipped.WEIGHTS.iterdir()) < 30e6

    def test_every_network_has_its_card(self) -> None:
        cards = (shipped.WEIGHTS.parent / "MODEL_CARDS.md").read_text()
        for path in shipped.WEIGHTS.glob("*.safetensors"):
            assert f"`{path.stem}`" in cards


class TestBrokenWeights:
    @pytest.fixture
    def weights(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A copy of quality 1's weights, where the family now looks for them."""
        copy = tmp_path / "fp-gdn-1.safetensors"
        copy.write_bytes(shipped.weights_path("fp-gdn", "1").read_bytes())
        monkeypatch.setattr(shipped, "WEIGHTS", tmp_path)
        return copy

    def test_missing(self, weights: Path) -> None:
        weights.unlink()
        with pytest.raises(WeightsError, match=r"fp-gdn-1\.safetensors: can't be read"):
            shipped.build_fp_gdn("1")
        with pytest.raises(WeightsError, match=r"fp-gdn-1\.safetensors: can't be read"):
            shipped.weights_fingerprint("fp-gdn", "1")

    @pytest.mark.parametrize("kept", [0, 5, 1000, -1])
    def test_truncated(self, weights: Path, kept: int) -> None:
        weights.write_bytes(weights.read_bytes()[:kept])
        with pytest.raises(WeightsError, match=r"fp-gdn-1\.safetensors: truncated or not"):
            shipped.build_fp_gdn("1")

    @pytest.mark.parametrize("zipped", [True, False])
    def test_a_pickle_is_named_and_not_opened(self, weights: Path, zipped: bool) -> None:
        torch.save({"a": torch.zeros(1)}, weights, _use_new_zipfile_serialization=zipped)
        with pytest.raises(WeightsError, match="a pickle, which is never loaded"):
            shipped.build_fp_gdn("1")

    def test_another_architecture(self, weights: Path) -> None:
        save_file({"g_a.0.weight": torch.zeros(1)}, weights)
        with pytest.raises(WeightsError, match="another architecture than FactorizedPrior"):
            shipped.build_fp_gdn("1")

    def test_another_width(self, weights: Path) -> None:
        state = load_file(weights)
        state["g_a.0.weight"] = torch.zeros(8, 3, 5, 5)
        save_file(state, weights)
        with pytest.raises(WeightsError, match=r"another architecture.*g_a\.0\.weight"):
            shipped.build_fp_gdn("1")

    def test_not_finite(self, weights: Path) -> None:
        state = load_file(weights)
        state["g_s.0.weight"][0, 0, 0, 0] = float("nan")
        save_file(state, weights)
        with pytest.raises(WeightsError, match=r"g_s\.0\.weight holds values that are not finite"):
            shipped.build_fp_gdn("1")

    def test_new_weights_are_a_new_fingerprint(self, weights: Path) -> None:
        before = shipped.weights_fingerprint("fp-gdn", "1")
        state = load_file(weights)
        state["g_s.0.weight"][0, 0, 0, 0] += 1e-3
        save_file(state, weights)
        assert shipped.weights_fingerprint("fp-gdn", "1") != before
