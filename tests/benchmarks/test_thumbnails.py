"""The benchmark of thumbnails: what it prints, and what it refuses."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from lic_models.__main__ import main
from tests.helpers.benchmark_runs import run_main
from tests.helpers.grouped_codec import write_grouped

thumbnails = importlib.import_module("thumbnails")


def test_a_thumbnail_is_beside_the_whole(
    images: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    weights = write_grouped(tmp_path / "w.safetensors")
    given = (str(weights), str(images), "--rounds=1")
    assert run_main(monkeypatch, thumbnails, *given) == 2
    assert "no thumbnail synthesis; add one with" in capsys.readouterr().err
    assert main(["thumbnail", str(weights), f"--data={images}", "--crop-size=64", "--steps=2"]) == 0
    capsys.readouterr()
    assert run_main(monkeypatch, thumbnails, *given) == 0
    first, _, _, small, whole = capsys.readouterr().out.splitlines()
    assert first.startswith("grouped quality 1, 2 images, 1 rounds in turn, one thread; thumbnail")
    assert small.startswith("| thumbnail")
    assert "100.0 %" in whole
    assert "100.0 %" not in small
