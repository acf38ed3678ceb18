"""Two results files compared: what got worse is named, and the exit status tells."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from pytest_lic import cli
from pytest_lic.results.json_file import to_text
from pytest_lic.results.results import Results, TestResult, TimeResult
from tests.helpers.coded_sets import coded_points, coded_set
from tests.helpers.made_results import curve_points, results
from tests.helpers.measurements import measurement
from tests.helpers.toy_project import Project


@pytest.fixture(autouse=True)
def in_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def compared(before: Results, after: Results, *options: str) -> int:
    """The exit status of ``pytest-lic compare``."""
    Path("a.json").write_text(to_text(before))
    Path("b.json").write_text(to_text(after))
    return cli.main(["compare", "a.json", "b.json", *options])


def test_equal_runs_are_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    run = results(curve_points())
    assert compared(run, run) == 0
    out = capsys.readouterr().out
    assert "same: toy-photos-native-b1-cpu: BD-rate +0.00 %" in out
    assert out.endswith("nothing got worse: 5 same\n")


def test_one_image_of_one_cell_that_got_worse_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    worse = results(curve_points(worse={"3": 0.06}))
    written = ("--json=found.json", "--markdown=found.md")
    assert compared(results(curve_points()), worse, *written) == 1
    out = capsys.readouterr().out
    assert "regressed: toy-q3-photos-native-b1-cpu: 12.8000 → 12.8000 bpp, 36.000 → 35.970" in out
    assert "PSNR, image two.png: baseline 36, measured 35.94, -0.06 dB" in out
    assert "against the earlier curve" in out
    found = json.loads(Path("found.json").read_text())
    assert found["worse"]
    verdicts = {cell["subject"]: cell["verdict"] for cell in found["cells"]}
    assert verdicts.pop("toy-q3-photos-native-b1-cpu") == "regressed"
    assert set(verdicts.values()) == {"same"}
    page = Path("found.md").read_text()
    assert "### pytest-lic: worse: 2 regressed, 3 same" in page
    assert "| **regressed** | toy-q3-photos-native-b1-cpu | 12.8000 → 12.8000 |" in page


@pytest.mark.parametrize(("gain", "spread", "shown"), [(0.0, 0.05, False), (-0.10, 0.01, True)])
def test_a_bd_rate_is_told_with_its_interval_over_the_images(
    gain: float, spread: float, shown: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    coded = coded_set(24, gain=gain, spread=spread, seed=2)
    before, after = (results(list(coded_points(coded, side).values())) for side in (0, 1))
    compared(before, after, "--json=found.json", "--markdown=found.md")
    (curve,) = json.loads(Path("found.json").read_text())["curves"]
    interval = curve["differences"][0]["interval"]
    text = f"95 % interval {interval['low']:+.3g} to {interval['high']:+.3g}"
    assert (interval["low"] <= 0 <= interval["high"]) is not shown
    for page in (capsys.readouterr().out, Path("found.md").read_text()):
        assert (f"({text}, no difference shown)" in page) is not shown
        assert text in page


def test_better_is_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    assert compared(results(curve_points(worse={"3": 0.06})), results(curve_points())) == 0
    assert "improved: toy-q3-photos-native-b1-cpu" in capsys.readouterr().out


def test_the_later_run_decides_by_its_tolerances() -> None:
    before, after = results(curve_points()), results(curve_points(worse={"3": 0.06}))
    wide = {metric: replace(each, mean=9, image=9) for metric, each in after.run.tolerances.items()}
    assert compared(before, replace(after, run=replace(after.run, tolerances=wide))) == 0
    assert compared(replace(before, run=replace(before.run, tolerances=wide)), after) == 1


def test_what_broke_is_worse(capsys: pytest.CaptureFixture[str]) -> None:
    points = curve_points()
    cell = points[1].cell.id
    gone = TestResult(f"test_rd.py::test[{cell}]", "failed", ("rd",), cell, f"{cell}: it crashed")
    after = results([points[0], *points[2:]], tests=[gone], exit_status=1)
    assert compared(results(points), after) == 1
    assert f"{cell}: it crashed" in capsys.readouterr().out


def test_what_broke_beside_the_cells_is_worse_once(capsys: pytest.CaptureFixture[str]) -> None:
    points = curve_points()
    broken = [
        TestResult(f"test_roundtrip.py::test[{cell}]", "failed", ("roundtrip",), cell, "it crashed")
        for cell in ("toy-q1-edge-native-b1-cpu", "toy-q2-conformance-native-b1-cpu")
    ]
    after = results(points, tests=broken, exit_status=1)
    assert compared(results(points), after, "--json=found.json", "--markdown=found.md") == 1
    out = capsys.readouterr().out
    assert "error: toy-q1-edge-native-b1-cpu: it crashed" in out
    assert out.endswith("worse: 2 error, 5 same\n")
    assert len(json.loads(Path("found.json").read_text())["broken"]) == 2
    assert "| **error** | toy-q1-edge-native-b1-cpu |  |  | it crashed |" in (
        Path("found.md").read_text()
    )
    assert compared(after, after) == 0, "it was broken before"


def test_what_broke_in_other_circumstances_is_worse(capsys: pytest.CaptureFixture[str]) -> None:
    before = curve_points()
    setting = replace(before[0].cell.setting, batch=4)
    after = [replace(each, cell=replace(each.cell, setting=setting)) for each in before]
    cell = after[0].cell.id
    gone = TestResult("test_roundtrip", "failed", ("roundtrip",), cell, "it crashed")
    assert compared(results(before), results(after, tests=[gone], exit_status=1)) == 1
    assert f"error: {cell}: " in capsys.readouterr().out
    assert compared(results(before), results(after[1:], tests=[gone], exit_status=1)) == 1
    assert f"error: {cell}: it crashed" in capsys.readouterr().out


def test_other_images_are_not_compared(capsys: pytest.CaptureFixture[str]) -> None:
    before = results([*curve_points("one"), *curve_points("two")])
    after = results([*curve_points("one"), *curve_points("two", digest="d2")])
    assert compared(before, after) == 0
    out = capsys.readouterr().out
    assert "unavailable: two-q1-photos-native-b1-cpu" in out
    assert "the images are others, so nothing can be said" in out
    assert "two-photos-native-b1-cpu: BD-rate" not in out
    assert compared(results(curve_points()), results(curve_points(digest="d2"))) == 2
    assert "the two runs are of other images" in capsys.readouterr().err


def test_cells_of_one_run_alone_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    before = results([*curve_points("one"), *curve_points("two")])
    after = results([*curve_points("one"), *curve_points("three")])
    assert compared(before, after) == 0
    out = capsys.readouterr().out
    assert "only before: two-q1-photos-native-b1-cpu" in out
    assert "only after: three-q4-photos-native-b1-cpu" in out
    assert compared(results(curve_points("one")), results(curve_points("two"))) == 2
    err = capsys.readouterr().err
    assert "no cell in common: one has one-q1-photos-native-b1-cpu, " in err


def test_times_are_shown_and_decide_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    def timed(median: float) -> Results:
        return results(curve_points(), times=[TimeResult("toy-encode", median, 0.001, 9, {})])

    assert compared(timed(0.1), timed(0.3)) == 0
    out = capsys.readouterr().out
    assert "time: toy-encode: 3.000" in out
    assert "decide nothing" in out


def test_a_changed_bit_fails_where_the_later_run_was_strict() -> None:
    changed = curve_points(worse={"2": 0.001})
    assert compared(results(curve_points()), results(changed)) == 0
    assert compared(results(curve_points()), results(changed, strict=True)) == 1


def test_too_few_qualities_give_cells_and_no_curve(capsys: pytest.CaptureFixture[str]) -> None:
    run = results([measurement()])
    assert compared(run, run) == 0
    assert "unavailable: toy-photos-native-b1-cpu: the runs have 1 point of it in common" in (
        capsys.readouterr().out
    )


def test_the_same_cell_on_another_device_is_found(capsys: pytest.CaptureFixture[str]) -> None:
    cpu = curve_points()
    setting = replace(cpu[0].cell.setting, device="cuda", batch=4)
    cuda = [replace(each, cell=replace(each.cell, setting=setting)) for each in cpu]
    assert compared(results(cpu), results(cuda)) == 0
    out = capsys.readouterr().out
    assert "same: toy-photos-native-b4-cuda: BD-rate +0.00 %" in out
    assert "only" not in out


def test_two_devices_in_one_run_are_not_mixed_up(capsys: pytest.CaptureFixture[str]) -> None:
    cpu = curve_points()
    both = cpu + [
        replace(each, cell=replace(each.cell, setting=replace(each.cell.setting, device="cuda")))
        for each in cpu
    ]
    assert compared(results(cpu), results(both)) == 0
    assert "only after: toy-q1-photos-native-b1-cuda" in capsys.readouterr().out


def test_curves_of_different_lengths_are_told_by_what_they_share(
    capsys: pytest.CaptureFixture[str],
) -> None:
    points = curve_points()
    assert compared(results(points), results(points[:3])) == 0
    told = "toy-photos-native-b1-cpu: the runs have 3 points of it in common (before 4, after 3); a"
    assert told in capsys.readouterr().out
    assert compared(results(points[:1]), results(points)) == 0
    assert "have 1 point of it in common (before 1, after 4); " in capsys.readouterr().out


def test_a_run_before_that_is_the_younger_one_is_remarked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = results(curve_points())
    older = replace(run, run=replace(run.run, created=run.run.created - timedelta(days=1)))
    told = "the run before is the younger of the two"
    assert compared(run, older, "--markdown=found.md", "--json=found.json") == 0
    assert told in capsys.readouterr().out
    assert told in Path("found.md").read_text()
    assert json.loads(Path("found.json").read_text())["misordered"]
    assert compared(older, run) == 0
    assert told not in capsys.readouterr().out


def test_when_a_folder_was_recorded_is_not_known(
    capsys: pytest.CaptureFixture[str], small: Project
) -> None:
    small.run("-m", "rd", "--lic-update", f"--lic-json={small.path / 'r.json'}")
    os.utime(small.baseline, (2**31, 2**31))
    assert cli.main(["compare", str(small.baseline.parent), str(small.path / "r.json")]) == 0
    assert "the younger" not in capsys.readouterr().out
