"""Flipped indices: every circumstance in a process of its own."""

from __future__ import annotations

import importlib
import json
import shutil
from pathlib import Path

import compressai  # noqa: F401, before anything that imports parts of it
import pytest

from lic_models.__main__ import main as lic_models_main
from pytest_lic.errors import CodecError, UsageError
from tests.helpers.benchmark_runs import run_main

flipped_indices = importlib.import_module("flipped_indices")


class TestFlippedIndices:
    def test_every_circumstance_is_a_process_of_its_own(
        self, weights: Path, images: Path, tmp_path: Path, monkeypatch, capfd
    ) -> None:
        elsewhere = flipped_indices.Circumstance(
            "oldest, 2 threads", threads=2, variables=flipped_indices.OLDEST, channels_last=False
        )
        monkeypatch.setattr(flipped_indices, "CIRCUMSTANCES", (elsewhere,))
        monkeypatch.setattr(flipped_indices, "_has_gpu", lambda: False)
        stored, folder = tmp_path / "flips.json", tmp_path / "weights"
        folder.mkdir()
        shutil.copy(weights / "msh-relu-2.safetensors", folder)
        shutil.copy(weights / "fp-relu-2.safetensors", folder)
        network, whole = (folder / f"msh-relu-{each}2.safetensors" for each in ("", "integer-"))
        command = ["integer", str(network), f"--data={images}", f"--out={whole}"]
        assert lic_models_main(command) == 0
        status = run_main(
            monkeypatch,
            flipped_indices,
            *(str(images), "--weights", str(folder), "--quality", "2", "--json", str(stored)),
        )
        assert status == 0
        printed = capfd.readouterr().out
        assert "## msh-relu-2: 2 images of 1,104 latents" in printed
        assert "| a.png |" in printed
        assert "flipped indices, float32 → float64 → integer | oldest, 2 threads |" in printed
        assert "| integer | " in printed
        (report,) = json.loads(stored.read_text())
        process = report["processes"]["oldest, 2 threads"]
        assert process == {"threads": 2, "instructions": "DEFAULT"}
        found = report["found"]["oldest, 2 threads"]["a.png"]
        assert found["float32"]["mean_error"] > 1e-8  # it did compute otherwise
        assert found["float64"]["mean_error"] < 1e-12
        assert not found["float64"]["flipped"]
        assert (found["integer"]["mean_error"], found["integer"]["largest_step_error"]) == (0, 0)
        assert not found["integer"]["wrong"]
        sizes = report["sizes"]
        assert abs(sizes["integer"] / sizes["float64"] - 1) < 0.05
        assert all(report["cost"][each]["synthesis"] > 0 for each in sizes)

    def test_a_process_that_fails_is_named_with_its_reason(
        self, weights: Path, images: Path, tmp_path: Path
    ) -> None:
        broken = tmp_path / "broken.safetensors"
        broken.write_bytes((weights / "msh-relu-2.safetensors").read_bytes()[:-40])
        with pytest.raises(CodecError, match=r"broken\.safetensors: encode under encoder failed: "):
            flipped_indices.in_process("encode", flipped_indices.ENCODER, broken, images, tmp_path)

    def test_a_factorized_prior_has_nothing_to_flip(self, weights: Path) -> None:
        with pytest.raises(UsageError, match="fp-relu: no hyperprior"):
            flipped_indices.hyperpriors(weights, ["fp-*"], [])

    def test_a_missing_folder_is_one_line(self, tmp_path: Path, monkeypatch, capsys) -> None:
        assert run_main(monkeypatch, flipped_indices, str(tmp_path / "kodak")) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert "kodak' is not there; expected" in line
