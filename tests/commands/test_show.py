"""One cell with all that is known of it, and its images."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pytest_lic import cli
from pytest_lic.results.json_file import to_text
from pytest_lic.results.results import TestResult, TimeResult
from tests.helpers.ab_project import AbProject
from tests.helpers.made_results import curve_points, results
from tests.helpers.measurements import image, measurement
from tests.helpers.toy_project import Project

CELL = "toy-q3-images-native-b1-cpu"
NAMED = "toy-q3-photos-native-b1-cpu"


def show(project: Project, *arguments: str) -> int:
    usual = [f"--corpus={project.images}", "--metrics=psnr", "--no-cache"]
    return cli.main(["show", *arguments, *usual])


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as opened:
        return np.array(opened).astype(int)


def test_a_cell_is_shown_beside_its_baseline(
    small: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert small.run("-m", "rd or conformance", "--lic-update").ret == 0
    small.write_codec("STEPS['3'] = 30", fingerprint="lambda quality: 'coarse'")
    capsys.readouterr()
    assert show(small, CELL, "--images=pictures/of/it") == 0
    out = capsys.readouterr().out
    assert out.startswith(f"{CELL}\n  quantizer: uniform\n  measured now\nverdict: regressed\n")
    assert "  PSNR, mean: baseline " in out
    assert "fingerprint: coarse" in out
    assert "baseline: λ 0.005, corpus images (" in out
    assert "kept bitstream of astronaut_128x96: " in out
    (row,) = (line for line in out.splitlines() if line.startswith("photo0.png"))
    assert row.count(" → ") == 3, "bytes, bpp and PSNR moved"
    assert row.endswith("other")
    folder = Path("pictures/of/it")
    assert len(list(folder.iterdir())) == 6
    original = pixels(folder / "photo0.png-original.png")
    assert (original == pixels(small.images / "photo0.png")).all()
    decoded = pixels(folder / "photo0.png-reconstruction.png")
    drawn = pixels(folder / "photo0.png-difference.png")
    assert (drawn == np.clip(128 + 8 * (decoded - original), 0, 255)).all()
    assert (drawn != 128).any()


def test_images_are_not_written_into_the_corpus(
    small: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(small.images.iterdir())
    assert show(small, CELL, f"--images={small.images}/../images") == 2
    assert "is the corpus, of which they would be images" in capsys.readouterr().err
    assert sorted(small.images.iterdir()) == before


def test_a_text_that_no_terminal_takes_is_printed_all_the_same(
    repository: AbProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    test = TestResult("test_rd.py::x", "failed", ("rd",), NAMED, "no file w\udce9ights")
    Path("results.json").write_bytes(
        to_text(results(curve_points(), tests=[test])).encode(errors="backslashreplace")
    )
    written = io.BytesIO()
    printed = io.TextIOWrapper(written, encoding="utf-8")
    monkeypatch.setattr("sys.stdout", printed)
    assert cli.main(["show", NAMED, "--results=results.json"]) == 0
    assert rb"no file w\udce9ights" in written.getvalue()


def test_a_setting_is_taken_from_the_id(small: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert show(small, "toy-q1-images-32px-b2-cpu") == 0
    out = capsys.readouterr().out
    assert "verdict: missing: no baseline" in out
    assert "photo0.png  32×32" in out
    assert show(small, "toy-q1-edge-native-b1-cpu") == 0


def test_unknown_cells_are_told_with_the_nearest(
    small: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert show(small, CELL.replace("q3", "q33")) == 2
    err = capsys.readouterr().err
    assert f"no cell is named '{CELL.replace('q3', 'q33')}'; did you mean toy-q3-" in err
    assert len(err.splitlines()) == 1


def test_a_codec_that_breaks_is_shown_with_its_baseline(
    small: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert small.run("-m", "rd", "--lic-update").ret == 0
    small.write_codec(
        """
        class Broken(Toy):
            def decode(self, bitstreams):
                raise ValueError("no such table")
        """,
        codec="Broken",
        fingerprint="lambda quality: 'broken'",
    )
    capsys.readouterr()
    assert show(small, CELL) == 0
    out = capsys.readouterr().out
    assert "not measured: " in out
    assert "no such table" in out
    assert "baseline: λ 0.005" in out
    assert show(small, CELL, "--images=pictures") == 2
    assert "no such table" in capsys.readouterr().err


def test_a_results_file_needs_no_codec(
    repository: AbProject, capsys: pytest.CaptureFixture[str]
) -> None:
    test = TestResult("test_rd.py::x", "failed", ("rd",), NAMED, "it is worse\nby much")
    time = TimeResult(f"{NAMED}-encode", 0.0123, 0.001, 9, {})
    run = results(
        curve_points(worse={"3": 0.2}), curve_points(), tests=[test], times=[time], exit_status=1
    )
    Path("results.json").write_text(to_text(run))
    assert cli.main(["show", NAMED, "--results=results.json"]) == 0
    out = capsys.readouterr().out
    assert "measured 2026-03-01 12:00 UTC\nverdict: regressed\n" in out
    assert "36.000 → 35.800" in out
    assert f"time: {NAMED}-encode: 12.30 ms, median of 9 rounds" in out
    assert "test: failed: test_rd.py::x\n  it is worse\n  by much\n" in out
    assert cli.main(["show", "nothing-of-the-kind", "--results=results.json"]) == 2
    assert "--results results.json: no cell is named" in capsys.readouterr().err
    Path("results.json").write_text("{")
    assert cli.main(["show", NAMED, "--results=results.json"]) == 2
    assert "results results.json is not valid JSON" in capsys.readouterr().err


def test_images_that_are_not_those_of_the_results_are_told(
    small: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    run = small.run("-m", "rd", "--lic-quality=3", "--lic-update", "--lic-json=results.json")
    assert run.ret == 0
    given = (CELL, "--results=results.json", "--images=pictures")
    capsys.readouterr()
    assert show(small, *given) == 0
    assert "(not the reconstruction" not in capsys.readouterr().out
    small.write_codec("STEPS['3'] = 30")
    assert show(small, *given) == 0
    assert capsys.readouterr().out.count("(not the reconstruction of the results: ") == 2


def test_images_that_are_gone_are_an_error(
    small: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert small.run("-m", "rd", "--lic-update", "--lic-json=results.json").ret == 0
    for path in small.images.iterdir():
        path.unlink()
    capsys.readouterr()
    assert show(small, CELL, "--results=results.json") == 0, "the numbers are there"
    assert show(small, CELL, "--results=results.json", "--images=pictures") == 2
    assert "no image in this folder" in capsys.readouterr().err


def test_images_go_into_a_folder(small: Project, capsys: pytest.CaptureFixture[str]) -> None:
    Path("file").write_text("")
    assert show(small, CELL, "--images=file") == 2
    assert "--images file: is a file; expected a folder" in capsys.readouterr().err


def test_a_lossless_image_shows_as_one(
    repository: AbProject, capsys: pytest.CaptureFixture[str]
) -> None:
    lossless = measurement({"one.png": image(psnr=None), "two.png": image(lpips=0.0)})
    Path("results.json").write_text(to_text(results([lossless])))
    assert cli.main(["show", lossless.cell.id, "--results=results.json"]) == 0
    one, two = (
        line for line in capsys.readouterr().out.splitlines() if line[:7] in ("one.png", "two.png")
    )
    assert "inf" in one
    assert "0.0000" in two
