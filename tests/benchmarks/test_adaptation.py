"""The benchmark of adaptation: its table, and what it takes in place of training."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from pytest_lic.measuring.rate_distortion import RDCurve
from tests.helpers.benchmark_runs import run_main

adaptation = importlib.import_module("adaptation")


def test_two_ways_decode_old_bitstreams_and_one_is_told_not_to(
    images: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(adaptation, "DOCUMENTS", str(images))
    ways = {way: (words, ["--crop-size=16"]) for way, (words, _) in adaptation.WAYS.items()}
    monkeypatch.setattr(adaptation, "WAYS", ways)
    monkeypatch.chdir(tmp_path)
    given = (str(images), "--qualities=1,2", "--steps=1")
    assert run_main(monkeypatch, adaptation, *given) == 0
    out, err = capsys.readouterr()
    first, _, _, _, everything, encoder, enhanced, _, broken = out.splitlines()
    assert first.startswith("msh-gdn, qualities 1, 2, BD-rate (PSNR) against the source; 2 images")
    assert everything.split("|")[2].strip() == "0 of 4"
    assert encoder.split("|")[2].strip() == enhanced.split("|")[2].strip() == "4 of 4"
    assert encoder.count(" %") == 2
    assert broken.startswith("fine-tune all: astronaut_128x96: model fingerprint: ")
    assert "weights changed since" in broken
    files = sorted(path.name for path in Path("runs/adaptation").iterdir())
    assert files == [f"msh-gdn-documents-all-{quality}.safetensors" for quality in (1, 2)]
    assert err.count("adapted to") == 2, "those of the other ways are shipped"


def test_a_difference_of_two_qualities_and_of_four() -> None:
    anchor = RDCurve("anchor", (1.0, 2.0), (30.0, 33.0), (None, None), ("1", "2"), ())
    test = RDCurve("test", (0.9, 1.8), (30.0, 33.0), (None, None), ("1", "2"), ())
    assert adaptation.difference(anchor, test) == "-10.00 %"
    rates, psnr, none = (0.5, 1.0, 2.0, 4.0), (27.0, 30.0, 33.0, 36.0), (None,) * 4
    four = RDCurve("four", rates, psnr, none, ("1", "2", "3", "4"), ())
    assert adaptation.difference(four, four) == "+0.00 %"


def test_a_quality_that_is_not_there(
    images: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_main(monkeypatch, adaptation, str(images), "--qualities=9") == 2
    assert "msh-gdn-9.safetensors: can't be read" in capsys.readouterr().err
