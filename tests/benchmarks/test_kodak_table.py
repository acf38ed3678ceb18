"""The table of Kodak: the claims that are checked, and any other folder."""

from __future__ import annotations

import importlib
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import compressai  # noqa: F401, before anything that imports parts of it
import pytest

from pytest_lic.errors import Unavailable
from pytest_lic.measuring.rate_distortion import BD, RDCurve
from tests.helpers.benchmark_runs import run_main

kodak_table = importlib.import_module("kodak_table")


def curve(name: str, *points: tuple[float, float, float]) -> RDCurve:
    bpp, psnr, ms_ssim = zip(*points, strict=True)
    return RDCurve(name, bpp, psnr, ms_ssim, tuple("1234"))


def row(**changes: Any) -> Any:
    """A codec that keeps all that is claimed of it."""
    rates, decibels, structure = (0.2, 0.5, 1.1, 2.0), (27, 30, 34, 38), (0.9, 0.95, 0.98, 0.99)
    points = tuple(
        kodak_table.Point(label, 0.01, rate, rate, rate, 0.0, 0.5, psnr, ms_ssim)
        for label, rate, psnr, ms_ssim in zip("1234", rates, decibels, structure, strict=True)
    )
    better = {"psnr": BD(-12.0), "ms_ssim_db": BD(-5.0)}
    return replace(
        kodak_table.Row(
            "msh-relu",
            {"architecture": "msh"},
            points,
            curve("msh-relu", *zip(rates, decibels, structure, strict=True)),
            {"jpeg": better, "fp twin": better, "bpg-444": {m: BD(80.0) for m in better}},
        ),
        **changes,
    )


class TestClaims:
    def test_they_hold(self) -> None:
        assert list(kodak_table.broken_claims([row()])) == []

    def test_a_curve_that_does_not_rise(self) -> None:
        bent = curve("bent", (0.2, 27, 0.9), (0.5, 26, 0.95), (1.1, 34, 0.98), (2.0, 38, 0.99))
        (claim,) = kodak_table.broken_claims([row(curve=bent)])
        assert "from quality 1 to quality 2 PSNR does not rise" in claim

    @pytest.mark.parametrize("anchor", ["jpeg", "fp twin"])
    def test_no_better_than_jpeg_or_than_its_twin(self, anchor: str) -> None:
        worse = {**row().differences, anchor: {"psnr": BD(0.3), "ms_ssim_db": BD(-1.0)}}
        (claim,) = kodak_table.broken_claims([row(differences=worse)])
        assert claim == f"msh-relu: BD-rate +0.30 % against {anchor}"

    def test_a_difference_that_cant_be_told(self) -> None:
        untold = {"jpeg": {"psnr": BD(Unavailable("2 points")), "ms_ssim_db": BD(-1.0)}}
        (claim,) = kodak_table.broken_claims([row(differences=untold)])
        assert claim == "msh-relu: no BD-rate against jpeg: 2 points"

    @pytest.mark.parametrize("off", [1.01, -1.01, math.nan])
    def test_bytes_off_the_estimate(self, off: float) -> None:
        first, *others = row().points
        points = (replace(first, bytes_off=off), *others)
        (claim,) = kodak_table.broken_claims([row(points=points)])
        assert claim.startswith("msh-relu, quality 1: bytes")

    def test_the_twin_differs_in_the_architecture_alone(self) -> None:
        tags = {
            "fp-relu": {"architecture": "fp", "nonlinearity": "relu"},
            "fp-gdn": {"architecture": "fp", "nonlinearity": "gdn"},
            "msh-gdn": {"architecture": "msh", "nonlinearity": "gdn"},
            "msh-gsdn": {"architecture": "msh", "nonlinearity": "gsdn"},
        }
        assert kodak_table.twin_of("msh-gdn", tags) == "fp-gdn"
        assert kodak_table.twin_of("msh-gsdn", tags) is None
        assert kodak_table.twin_of("fp-gdn", tags) is None


class TestKodakTable:
    @pytest.fixture(autouse=True)
    def cache(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(kodak_table, "default_folder", lambda: tmp_path / "cache")

    def test_any_folder_gets_its_table_without_the_published_curve(
        self, weights: Path, images: Path, tmp_path: Path, monkeypatch, capsys
    ) -> None:
        stored, tables = tmp_path / "table.json", tmp_path / "table.md"
        status = run_main(
            monkeypatch,
            kodak_table,
            *(str(images), "--weights", str(weights)),
            *("--json", str(stored), "--markdown", str(tables)),
        )
        printed = capsys.readouterr().out
        assert status == 1  # random weights keep few promises
        assert "msh-relu: no BD-rate against jpeg: msh-relu has 2 points" in printed
        text = tables.read_text()
        assert text in printed
        assert "this corpus" in text
        assert "is not Kodak" in text
        found = json.loads(stored.read_text())
        assert [codec["name"] for codec in found["codecs"]] == ["fp-relu", "msh-relu"]
        assert "fp twin" in found["codecs"][1]["differences"]
        for codec in found["codecs"]:
            for point in codec["points"]:
                first = f"| `{codec['name']}` | {point['quality']} | {point['lmbda']:.4f} |"
                assert f"{first} {point['bpp']:.4f} | {point['payload_bpp']:.4f} |" in text
                assert point["payload_bpp"] < point["bpp"]

    @pytest.mark.parametrize(
        ("given", "message"),
        [("nowhere", "is not there"), ("", "no image in this folder")],
    )
    def test_a_folder_without_images(
        self, given: str, message: str, weights: Path, tmp_path: Path, monkeypatch, capsys
    ) -> None:
        arguments = (str(tmp_path / given), "--weights", str(weights))
        assert run_main(monkeypatch, kodak_table, *arguments) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("kodak_table: corpus")
        assert message in line
